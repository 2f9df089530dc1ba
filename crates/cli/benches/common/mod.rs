//! What benchmarks on container engines share.

use crate::harness::User;

/// The images of a user's copied workshop; they go when this does.
pub(crate) struct Images<'a>(pub(crate) &'a User);

impl Drop for Images<'_> {
    fn drop(&mut self) {
        let repository = format!("localhost/{}", self.0.name);
        let list = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", &repository];
        let names = self.0.engine_command(&list).output().map(|output| output.stdout).unwrap_or_default();
        for name in String::from_utf8_lossy(&names).lines() {
            let _ = self.0.engine_command(&["image", "rm", "--force", name]).output();
        }
    }
}
