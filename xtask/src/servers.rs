//! The servers that tests share: one Postgres and one S3 server.

use anyhow::Result;

use crate::checkout::Checkout;
use crate::postgres::Postgres;
use crate::s3::S3;
use crate::signals::BlockingSignals;

/// Both, running. Dropped, they end.
pub(crate) struct Servers {
    postgres: Postgres,
    s3: S3,
}

impl Servers {
    /// Call it from the main thread, as [`crate::server::Server::start`] says.
    pub(crate) fn start(checkout: &Checkout) -> Result<Self> {
        Ok(Self { postgres: Postgres::start(checkout)?, s3: S3::start(checkout)? })
    }

    /// What tests are told.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.postgres.environment().into_iter().chain(self.s3.environment())
    }
}

/// `cargo xtask postgres`: both until Ctrl-C, for tests run by hand.
pub(crate) fn serve(checkout: &Checkout) -> Result<()> {
    let signals = BlockingSignals::begin()?;
    let servers = Servers::start(checkout)?;
    for (name, value) in servers.environment() {
        println!("export {name}={value}");
    }
    println!("# cargo test -p workshop-dashboard    Ctrl-C ends both");
    signals.wait();
    Ok(())
}
