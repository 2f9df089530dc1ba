//! Prints the OpenAPI documents of the services, by service, for `cargo xtask codegen`. The chores themselves must not have
//! to build both services before they can begin.

use std::error::Error;
use std::io::{self, Write};

use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let documents =
        json!({ "backend": workshop_backend::openapi()?, "dashboard": workshop_dashboard::openapi()? });
    writeln!(io::stdout(), "{documents}")?;
    Ok(())
}
