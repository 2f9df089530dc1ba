//! Makes sure that there is a folder to embed: the pages are built by `cargo xtask`, and a plain `cargo check` must
//! work without them.
use std::{env, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pages = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../web/dist");
    fs::create_dir_all(&pages)?;
    println!("cargo::rerun-if-changed={}", pages.display());
    Ok(())
}
