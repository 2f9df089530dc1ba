//! Set-up: Debian packages, goss, the pages. Each part is done only when something it reads has changed.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::checkout::Checkout;
use crate::program;

/// A program and the Debian package that has it.
pub(crate) type Needed = (&'static str, &'static str);

/// What the demo's sandbox needs.
pub(crate) const DEMO: &[Needed] =
    &[("bwrap", "bubblewrap"), ("setpriv", "util-linux"), ("ps", "procps"), ("python3", "python3")];

/// What the tests need besides: shells and programs that students use, a browser, disks to fill.
pub(crate) const TEST: &[Needed] = &[
    ("chromium", "chromium"),
    ("curl", "curl"),
    ("git", "git"),
    ("jq", "jq"),
    ("mke2fs", "e2fsprogs"),
    ("pip3", "python3-pip"),
    ("tmux", "tmux"),
    ("vim", "vim"),
    ("zsh", "zsh"),
];

/// Fuzzing links libFuzzer, which is C++.
pub(crate) const FUZZ: &[Needed] = &[("c++", "g++")];

/// Installs the packages whose programs are missing, or says which one line does it.
pub(crate) fn packages(checkout: &Checkout, lists: &[&[Needed]]) -> Result<()> {
    let mut missing: Vec<&str> = lists
        .concat()
        .into_iter()
        .filter(|(program, _)| checkout.which(program).is_none())
        .map(|(_, package)| package)
        .collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install --yes --no-install-recommends {}", missing.join(" "));
    let root = program::output(checkout.command("id").arg("-u"))?.trim() == "0";
    if checkout.which("apt-get").is_none() {
        bail!("these programs are missing, please install them: {}", missing.join(" "));
    }
    if !root {
        bail!("some packages are missing. Install them with:\n\n    sudo {line}\n");
    }
    println!("Installing: {}", missing.join(" "));
    let quiet = |arguments: &str| {
        let mut command = checkout.command("apt-get");
        command.args(arguments.split(' ').skip(1)).env("DEBIAN_FRONTEND", "noninteractive");
        program::run(&mut command)
    };
    quiet("apt-get --quiet --quiet update")
        .and_then(|()| quiet(&line))
        .with_context(|| format!("please install the missing packages yourself: {line}"))
}

/// Whether this machine lets a program have namespaces of its own, which the sandbox is made of.
pub(crate) fn namespaces(checkout: &Checkout) -> Result<()> {
    let mut probe = checkout.command("bwrap");
    probe.args(["--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]);
    program::run(&mut probe).context(
        "bubblewrap cannot make a sandbox here. In a container, allow user namespaces \
         (for Docker: --security-opt seccomp=unconfined --security-opt systempaths=unconfined); \
         on a host: sysctl kernel.unprivileged_userns_clone=1",
    )
}

/// Builds goss from `deploy/goss/` unless the one that is there was built from the same pinned sums.
pub(crate) fn goss(checkout: &Checkout) -> Result<()> {
    let module = checkout.root.join("deploy/goss");
    // Without inlining it is a tenth smaller: it is in every image, and waits for what it checks.
    let flags = ["-gcflags=all=-l", "-ldflags", "-s -w -X github.com/goss-org/goss/util.Version=v0.4.8"];
    let sources = hash(&module, &[module.join("go.mod"), module.join("go.sum")])?;
    let stamp = checkout.tools.join("goss.hash");
    once(&stamp, &format!("{sources} {}", flags.join(" ")), checkout.goss().is_file(), || {
        if checkout.which("go").is_none() {
            bail!("Go is missing: see https://go.dev/doc/install");
        }
        println!("Building goss …");
        fs::create_dir_all(&checkout.tools)?;
        program::run(
            checkout
                .command("go")
                .args(["build", "-C", "deploy/goss", "-trimpath"])
                .args(flags)
                .arg("-o")
                .arg(checkout.goss())
                .arg("github.com/goss-org/goss/cmd/goss")
                .env("CGO_ENABLED", "0"),
        )
    })
}

/// asciinema, the players' own program, which the tests have play and convert recordings. It is GPL and stays a program
/// of its own.
pub(crate) fn asciinema(checkout: &Checkout) -> Result<()> {
    const VERSION: &str = "=3.2.0";
    let stamp = checkout.tools.join("asciinema.version");
    once(&stamp, VERSION, checkout.tools.join("asciinema").is_file(), || {
        println!("Building asciinema …");
        let root = checkout.tools.parent().context("the tools have a folder")?;
        let mut install = checkout.cargo();
        install.args(["install", "--quiet", "--locked", "--force", "--version", VERSION, "--root"]);
        // Built for running once, not for speed: half the time.
        install.arg(root).arg("asciinema").env("CARGO_PROFILE_RELEASE_LTO", "off");
        program::run(install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"))
    })
}

/// schemathesis, which asks the APIs whatever their OpenAPI documents allow; in a folder of its own.
pub(crate) fn schemathesis(checkout: &Checkout) -> Result<()> {
    let list = checkout.root.join("xtask/schemathesis.txt");
    let (script, folder) =
        (checkout.tools.join("schemathesis"), checkout.tools.with_file_name("schemathesis"));
    let sources = hash(&checkout.root, std::slice::from_ref(&list))?;
    once(&checkout.tools.join("schemathesis.hash"), &sources, script.is_file(), || {
        println!("Installing schemathesis …");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let quiet = ["--quiet", "--disable-pip-version-check", "--root-user-action", "ignore"];
        let mut pip = checkout.command("python3");
        pip.args(["-m", "pip", "install"])
            .args(quiet)
            .arg("--target")
            .arg(&folder)
            .arg("--requirement")
            .arg(&list);
        program::run(&mut pip)?;
        let lines = "#!/bin/sh\n\
            PYTHONPATH=$(dirname \"$0\")/../schemathesis exec python3 -m schemathesis.cli \"$@\"\n";
        fs::create_dir_all(&checkout.tools)?;
        fs::write(&script, lines)?;
        Ok(fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?)
    })
}

/// `npm ci`, when the lock file is another than the one installed.
pub(crate) fn node_modules(checkout: &Checkout) -> Result<()> {
    let sources = hash(&checkout.root, &[checkout.web().join("package-lock.json")])?;
    let stamp = checkout.root.join(".tools/node_modules.hash");
    once(&stamp, &sources, checkout.web().join("node_modules").is_dir(), || {
        if checkout.which("npm").is_none() {
            bail!("Node is missing: see https://nodejs.org/ (20 or newer)");
        }
        println!("Installing the pages' dependencies …");
        program::run(checkout.web_command("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))
    })
}

/// The pages of a workspace, built into `web/dist`, and the dashboard's, into `web/dist-dashboard`, when their sources
/// have changed.
pub(crate) fn pages(checkout: &Checkout) -> Result<()> {
    node_modules(checkout)?;
    let mut sources = Vec::new();
    files(&checkout.web(), &mut sources)?;
    let sources = hash(&checkout.root, &sources)?;
    let stamp = checkout.root.join(".tools/pages.hash");
    let built =
        ["dist", "dist-dashboard"].iter().all(|dist| checkout.web().join(dist).join("index.html").is_file());
    once(&stamp, &sources, built, || {
        println!("Building the pages …");
        for build in ["build:workspace", "build:dashboard"] {
            let quiet = ["run", "--silent", build, "--", "--logLevel", "warn"];
            program::run(checkout.web_command("npm").args(quiet))?;
        }
        Ok(())
    })
}

/// Set by `cargo xtask test`, which builds all programs together with the tests: cargo would build them once more, with the
/// features that they have without the tests.
pub(crate) const BUILT: &str = "WORKSHOP_TEST_BUILT";

/// All programs of the workspace, at once, or cargo would build their common dependencies once for each.
pub(crate) fn programs(checkout: &Checkout) -> Result<()> {
    if env::var_os(BUILT).is_none() {
        program::run(checkout.cargo().args(["build", "--workspace", "--bins"]))?;
    }
    sandbox_parts(checkout)
}

/// The parts of a sandbox, beside the built programs.
pub(crate) fn sandbox_parts(checkout: &Checkout) -> Result<()> {
    let parts = checkout.target.join("debug/workshop-parts");
    fs::create_dir_all(&parts).with_context(|| parts.display().to_string())?;
    for (part, built) in [("workshop-backend", checkout.backend()), ("goss", checkout.goss())] {
        let link = parts.join(part);
        if fs::read_link(&link).ok().as_deref() != Some(&built) {
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(&built, &link).with_context(|| link.display().to_string())?;
        }
    }
    Ok(())
}

/// Does `work` unless it was done for the same `sources` and its result is `present`.
pub(crate) fn once(
    stamp: &Path,
    sources: &str,
    present: bool,
    work: impl FnOnce() -> Result<()>,
) -> Result<()> {
    if present && fs::read_to_string(stamp).is_ok_and(|done| done == sources) {
        return Ok(());
    }
    work()?;
    if let Some(folder) = stamp.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(stamp, sources).with_context(|| stamp.display().to_string())
}

/// One number for the contents of `paths` and their names within `folder`; it only has to notice a change.
pub(crate) fn hash(folder: &Path, paths: &[PathBuf]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        path.strip_prefix(folder).unwrap_or(path).hash(&mut hasher);
        fs::read(path).with_context(|| path.display().to_string())?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// The sources under `folder`, sorted: neither what others wrote nor what a build or a test leaves.
fn files(folder: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    let left_out = ["node_modules", "dist", "dist-dashboard", "e2e", "test-results", "playwright-report"];
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if left_out.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            files(&entry.path(), into)?;
        } else {
            into.push(entry.path());
        }
    }
    Ok(())
}
