//! The build-time part: a folder of built pages as a table of Rust.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

/// Makes the table of a folder, named from the crate that is built; for its build script. The folder need not be there:
/// the pages are built by `cargo xtask`, and a plain `cargo check` works without them.
///
/// # Errors
/// The folder cannot be read, or cargo's output folder not written.
#[allow(clippy::print_stdout, reason = "cargo reads it there")]
pub fn folder(path: &str) -> io::Result<()> {
    let named = |variable| env::var_os(variable).ok_or_else(|| io::Error::other(format!("no {variable}")));
    let pages = PathBuf::from(named("CARGO_MANIFEST_DIR")?).join(path);
    fs::create_dir_all(&pages)?;
    println!("cargo::rerun-if-changed={}", pages.display());
    table(&pages, Path::new(&named("OUT_DIR")?))
}

/// Writes `pages.rs`, and beside it what it includes.
fn table(pages: &Path, out: &Path) -> io::Result<()> {
    let embedded = out.join("pages");
    if embedded.exists() {
        fs::remove_dir_all(&embedded)?;
    }
    fs::create_dir(&embedded)?;

    let mut files = BTreeMap::new();
    read(pages, "", &mut files)?;
    let mut table = "::workshop_pages::Pages::new(&[\n".to_owned();
    for (number, (name, plain)) in files.iter().enumerate() {
        let encoded = encode(plain)?;
        // Fonts are compressed already.
        let gzip = encoded.len() < plain.len() / 10 * 9;
        let file = embedded.join(number.to_string());
        fs::write(&file, if gzip { &encoded } else { plain })?;
        let hash: String = Sha256::digest(plain)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(
            table,
            "    ::workshop_pages::Page {{ name: {name:?}, hash: {hash:?}, gzip: {gzip}, bytes: include_bytes!({file:?}) }},"
        )
        .map_err(io::Error::other)?;
    }
    table.push_str("])\n");
    fs::write(out.join("pages.rs"), table)
}

/// The files of a folder, by their names under `/`.
fn read(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// The encoder writes neither time nor name: the same page is the same bytes.
fn encode(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_names_and_encodes_what_shrinks() {
        let (pages, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(pages.path().join("a")).unwrap();
        fs::write(pages.path().join("a/index.html"), "text ".repeat(200)).unwrap();
        fs::write(pages.path().join("a.txt"), "x").unwrap();
        table(pages.path(), out.path()).unwrap();
        let table = fs::read_to_string(out.path().join("pages.rs")).unwrap();
        // The order of bytes, which the search by name needs: '.' is before '/'.
        let (small, page) = (table.find("\"a.txt\"").unwrap(), table.find("\"a/index.html\"").unwrap());
        assert!(small < page, "{table}");
        assert!(table.contains("gzip: true") && table.contains("gzip: false"), "{table}");
        assert!(fs::read(out.path().join("pages/1")).unwrap().len() < 100);
        // A second build finds the first one's files.
        super::table(pages.path(), out.path()).unwrap();
    }

    #[test]
    fn the_same_page_is_the_same_bytes() {
        assert_eq!(encode(b"a page").unwrap(), encode(b"a page").unwrap());
    }
}
