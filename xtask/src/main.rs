//! The chores of the repository: `cargo xtask <chore>`. Each chore is one file.

// A chore talks to whoever runs it.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod backend;
mod base_image;
mod bench;
mod bootstrap;
mod checkout;
mod class;
mod classroom;
mod codegen;
#[cfg(test)]
mod compose;
mod count;
mod demo;
mod engine;
mod engines;
mod examples;
mod fuzz;
mod image;
mod parts;
mod postgres;
mod program;
mod readme;
mod s3;
mod screenshots;
mod server;
mod servers;
mod setup;
mod signals;
mod student;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use checkout::Checkout;

/// Chores of the workshop platform.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Set everything up and open a real workshop in the browser.
    Demo(demo::Options),
    /// Set everything up and run every check and test there is.
    Test(test::Options),
    /// Run the tests with every repetition, those in the browser twenty times each, and list what was repeated.
    Soak(test::Options),
    /// Compile a workshop and lay out its sandbox, without starting it.
    Workspace(workspace::Options),
    /// Gather the programs and files that make an image a workspace: static backend, goss, tini, shell integration.
    Parts,
    /// Build a base image, such as workshop-base:debian, into a container engine.
    BaseImage(base_image::Options),
    /// Build the images of dashboard and shipper into a container engine.
    Image(image::Options),
    /// Run a Podman and a Docker with the base image, apart from the machine's own, until Ctrl-C.
    Engines,
    /// Run a Postgres and an S3 server for tests, until Ctrl-C.
    Postgres,
    /// Write the logs of a simulated class, as its workspaces would.
    Class(class::Options),
    /// Write the generated files: JSON Schemas, OpenAPI document, TypeScript client.
    Codegen(codegen::Options),
    /// Hold the structure of the repository: arrows between crates, sizes, names.
    Tidy,
    /// Measure the rows of the README, each against its bound in the same run.
    Bench(bench::Options),
    /// Fuzz the parsers, beginning with the saved corpus.
    Fuzz(fuzz::Options),
    /// Take the pictures in `docs/images/` from the running pages.
    Screenshots,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.chore) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> anyhow::Result<ExitCode> {
    let checkout = Checkout::find()?;
    match chore {
        Chore::Demo(options) => demo::run(&checkout, &options)?,
        Chore::Test(options) => return test::run(&checkout, &options),
        Chore::Soak(options) => return test::soak(&checkout, &options),
        Chore::Workspace(options) => workspace::run(&checkout, &options)?,
        Chore::Parts => parts::run(&checkout)?,
        Chore::BaseImage(options) => base_image::run(&checkout, &options)?,
        Chore::Image(options) => image::run(&checkout, &options)?,
        Chore::Engines => engines::serve(&checkout)?,
        Chore::Postgres => servers::serve(&checkout)?,
        Chore::Class(options) => class::run(&options)?,
        Chore::Codegen(options) => codegen::run(&checkout, &options)?,
        Chore::Tidy => tidy::run(&checkout)?,
        Chore::Bench(options) => bench::run(&checkout, &options)?,
        Chore::Fuzz(options) => fuzz::run(&checkout, &options)?,
        Chore::Screenshots => screenshots::run(&checkout)?,
    }
    Ok(ExitCode::SUCCESS)
}
