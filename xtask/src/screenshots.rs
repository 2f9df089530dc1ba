//! `cargo xtask screenshots`: the pictures of the docs, taken from the running pages.

use anyhow::Result;

use crate::checkout::Checkout;
use crate::program;
use crate::setup;
use crate::workspace;

/// Sets everything up and lets `web/e2e/screenshots.ts` write `docs/images/`.
pub(crate) fn run(checkout: &Checkout) -> Result<()> {
    setup::packages(checkout, &[setup::DEMO, setup::TEST])?;
    workspace::set_up(checkout)?;
    program::run(checkout.web_command("npm").args(["run", "--silent", "screenshots"]))
}
