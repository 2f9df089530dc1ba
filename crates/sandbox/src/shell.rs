//! The shell integration: scripts that bash and zsh read, so that they tell the terminal what runs in them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::{fs, io};

/// The integration scripts: where each belongs, below the folder that holds them (`/etc` in an image and in the
/// sandbox), and its text.
pub const FILES: [(&str, &str); 2] = [
    ("workshop-platform.bashrc", include_str!("../shell/workshop-platform.bashrc")),
    // zsh reads `.zshrc` of a folder, and no file by another name.
    ("workshop-platform.zsh/.zshrc", include_str!("../shell/workshop-platform.zshrc")),
];

/// Writes [`FILES`] below `folder`, for all to read.
///
/// # Errors
/// A file cannot be written.
pub fn place(folder: &Path) -> io::Result<()> {
    for (name, text) in FILES {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)?;
        fs::set_permissions(parent, fs::Permissions::from_mode(0o755))?;
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}
