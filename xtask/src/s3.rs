//! An S3 server of the chores' own: versitygw over a folder, on a loopback port, with one bucket.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;

use anyhow::{Result, bail};

use crate::checkout::Checkout;
use crate::program;
use crate::server::{self, Server, Start};
use crate::setup;

/// Where tests find it: the endpoint, the bucket in it, and the two keys, set apart by commas.
pub(crate) const VARIABLE: &str = "WORKSHOP_TEST_S3";

const BUCKET: &str = "casts";
/// It serves this machine alone and holds nothing but a test's objects.
const KEYS: [&str; 2] = ["workshop", "workshop-secret"];

/// A running S3 server.
pub(crate) struct S3 {
    _server: Server,
    endpoint: String,
}

impl S3 {
    /// Starts one with an empty bucket. Dropped, it ends, and its objects are gone.
    pub(crate) fn start(checkout: &Checkout) -> Result<Self> {
        setup::packages(checkout, &[&[("setpriv", "util-linux")]])?;
        provide(checkout)?;
        let folder = server::folder(checkout, "s3")?;
        let (objects, about) = (folder.join("objects"), folder.join("about"));
        fs::create_dir_all(objects.join(BUCKET))?;
        fs::create_dir(&about)?;
        let port = server::free_port()?;
        let [access, secret] = KEYS;
        let mut command = Command::new(checkout.tools.join("versitygw"));
        command.args(["--port", &format!("127.0.0.1:{port}"), "--access", access, "--secret", secret]);
        command.args(["--keep-alive", "--quiet", "posix", "--sidecar"]).arg(about).arg(objects);
        let start = Start { name: "the S3 server", end: "TERM", as_whom: &[], folder: &folder, command };
        let mut server = Server::start(checkout, start)?;
        server.answering(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
        Ok(Self { _server: server, endpoint: format!("http://127.0.0.1:{port}") })
    }

    /// What tests are told.
    pub(crate) fn environment(&self) -> [(&'static str, String); 1] {
        let [access, secret] = KEYS;
        [(VARIABLE, format!("{},{BUCKET},{access},{secret}", self.endpoint))]
    }
}

/// Builds versitygw from `deploy/versitygw/` unless the one that is there was built from the same pinned sums.
pub(crate) fn provide(checkout: &Checkout) -> Result<()> {
    let module = checkout.root.join("deploy/versitygw");
    let flags = ["-ldflags", "-s -w"];
    let sources = setup::hash(&module, &[module.join("go.mod"), module.join("go.sum")])?;
    let built = checkout.tools.join("versitygw");
    let stamp = checkout.tools.join("versitygw.hash");
    setup::once(&stamp, &format!("{sources} {}", flags.join(" ")), built.is_file(), || {
        if checkout.which("go").is_none() {
            bail!("Go is missing: see https://go.dev/doc/install");
        }
        println!("Building versitygw …");
        fs::create_dir_all(&checkout.tools)?;
        let mut build = checkout.command("go");
        build.args(["build", "-C", "deploy/versitygw", "-trimpath"]).args(flags).arg("-o").arg(&built);
        build.arg("github.com/versity/versitygw/cmd/versitygw").env("CGO_ENABLED", "0");
        program::run(&mut build)
    })
}
