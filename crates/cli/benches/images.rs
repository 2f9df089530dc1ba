//! How large the images are: what each workshop's artifact adds to them, and what the base adds to its distribution.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a benchmark prints")]

use serde_json::Value;
use workshop_testing::cli::{On, User, examples};
use workshop_testing::measure::row;

const COMMAND: &str = "cargo xtask bench images";

fn main() {
    let user = User::new(On::Podman);
    let (example, bytes) = largest_artifact(&user);
    let name = format!("artifact layer of {example}, the largest of the examples");
    row(COMMAND, &name, "MB", bytes as f64 / 1e6, "≤ 1 MB");
    let base = std::env::var("WORKSHOP_TEST_BASE").expect("WORKSHOP_TEST_BASE");
    let over = over_distribution(&layers(&user, &base)) as f64 / 1e6;
    row(COMMAND, "the Debian base image over its distribution", "MB", over, "≤ 30 MB");
}

/// Compiles every example. The artifact is the last layer of each of its images, the same in all of them.
fn largest_artifact(user: &User) -> (String, u64) {
    let entries = std::fs::read_dir(examples()).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.path().is_dir());
    let sizes = folders.map(|folder| {
        let name = folder.file_name().into_string().unwrap();
        let _images = user.images();
        user.ok(&["build", "compile", &user.copy(&name)]);
        let image = format!("localhost/{}:latest", user.name);
        let artifact = *layers(user, &image).first().unwrap();
        (name, artifact)
    });
    sizes.max_by_key(|(_, bytes)| *bytes).unwrap()
}

/// Sizes of the layers of an image, the last one first; instructions without files have none.
fn layers(user: &User, image: &str) -> Vec<u64> {
    let history: Value =
        serde_json::from_str(&user.engine(&["image", "history", "--format", "json", image])).unwrap();
    let sizes = history.as_array().unwrap().iter().map(|entry| entry["size"].as_u64().unwrap());
    sizes.filter(|bytes| *bytes > 0).collect()
}

/// Everything but the distribution, which is the one layer that all others lie on.
fn over_distribution(layers: &[u64]) -> u64 {
    layers.split_last().unwrap().1.iter().sum()
}
