//! `cargo xtask screenshots`: the pictures of the docs, taken from the running pages.

use anyhow::Result;

use crate::checkout::Checkout;
use crate::postgres::{self, Postgres};
use crate::program;
use crate::setup;
use crate::workspace;

/// Sets everything up and lets `web/e2e/screenshots.ts` write `docs/images/`.
pub(crate) fn run(checkout: &Checkout) -> Result<()> {
    setup::packages(checkout, &[setup::DEMO, setup::TEST, postgres::NEEDED])?;
    workspace::set_up(checkout)?;
    let postgres = Postgres::start(checkout)?;
    let mut pictures = checkout.web_command("npm");
    pictures.args(["run", "--silent", "screenshots"]).envs(postgres.environment());
    program::run(&mut pictures)
}
