//! `workshop build compile`.

use super::validate;
use crate::arguments::CompileOptions;
use crate::context::Context;
use crate::engine::{self, Engine};
use crate::failure::Failure;
use crate::image::{self, Compiled, Options};

/// Builds the images.
pub(crate) async fn run(options: &CompileOptions, context: &Context) -> Result<(), Failure> {
    let definition = validate::load(&options.path, context.output)?;
    let containers = match engine::connect(context).await? {
        Engine::Containers(containers) => containers,
        Engine::Sandboxes(_) => return Err(no_images()),
    };
    let asked = Options { from_step: options.from_step.clone(), push: options.push, inject: options.inject };
    let compiled = tokio::select! {
        compiled = image::compile(&options.path, &definition, &containers, &asked, context.output) => compiled?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::Interrupted),
    };
    context.output.result(&compiled, text)?;
    Ok(())
}

/// In a sandbox there is nothing to build.
pub(super) fn no_images() -> Failure {
    Failure::input("a sandbox has no images; name a container engine with --engine docker or podman")
}

fn text(compiled: &Compiled) -> String {
    let widest = compiled.tags.iter().map(|tag| tag.tag.len()).max().unwrap_or_default();
    let mut text = format!("{}\n", compiled.image);
    for tag in &compiled.tags {
        let what = if tag.built { "built" } else { "unchanged" };
        let digest = tag.digest.as_deref().map_or_else(String::new, |digest| format!("  {digest}"));
        text += &format!("  {:widest$}  {what:9}  {}{digest}\n", tag.tag, short(&tag.id));
    }
    text
}

/// An id as people read it.
pub(super) fn short(id: &str) -> &str {
    let id = id.strip_prefix("sha256:").unwrap_or(id);
    id.get(..12).unwrap_or(id)
}
