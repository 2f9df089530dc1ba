//! Makes the table of the embedded pages. What gzip makes smaller is embedded so, which takes megabytes off every image.
//! The pages are built by `cargo xtask`; a plain `cargo check` works without them.
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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pages = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../web/dist");
    fs::create_dir_all(&pages)?;
    println!("cargo::rerun-if-changed={}", pages.display());
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let embedded = out.join("pages");
    if embedded.exists() {
        fs::remove_dir_all(&embedded)?;
    }
    fs::create_dir(&embedded)?;

    let mut files = BTreeMap::new();
    read(&pages, "", &mut files)?;
    let mut table = "static PAGES: &[Page] = &[\n".to_owned();
    for (number, (name, plain)) in files.iter().enumerate() {
        let encoded = encode(plain)?;
        // Fonts are compressed already.
        let gzip = encoded.len() < plain.len() / 10 * 9;
        let file = embedded.join(number.to_string());
        fs::write(&file, if gzip { &encoded } else { plain })?;
        let hash: String = Sha256::digest(plain)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(
            table,
            "    Page {{ name: {name:?}, hash: {hash:?}, gzip: {gzip}, bytes: include_bytes!({file:?}) }},"
        )?;
    }
    table.push_str("];\n");
    fs::write(out.join("pages.rs"), table)?;
    Ok(())
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
