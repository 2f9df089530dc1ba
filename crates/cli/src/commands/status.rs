//! `workshop build status`.

use super::compile::{no_images, short};
use super::validate;
use crate::arguments::Workshop;
use crate::context::Context;
use crate::engine::{self, Engine};
use crate::failure::Failure;
use crate::image;
use crate::paint::Paint;

/// Says which images are built.
pub(crate) async fn run(options: &Workshop, context: &Context) -> Result<(), Failure> {
    let definition = validate::load(&options.path, context.output)?;
    let containers = match engine::connect(context).await? {
        Engine::Containers(containers) => containers,
        Engine::Sandboxes(_) => return Err(no_images()),
    };
    let status = image::status(&options.path, &definition, &containers).await?;
    context.output.result(&status, |status| {
        let paint = Paint::stdout();
        let widest = status.tags.iter().map(|tag| tag.tag.len()).max().unwrap_or_default();
        let mut text = format!("{}\n", status.image);
        for tag in &status.tags {
            let (word, differs) = tag.words();
            let padded = format!("{word:7}");
            let word = if tag.is_built() { paint.green(padded) } else { paint.yellow(padded) };
            let id = tag.id.as_deref().map(short).unwrap_or_default();
            let line = format!("  {:widest$}  {word}  {id:12}  {differs}", tag.tag);
            text += line.trim_end();
            text.push('\n');
        }
        text
    })?;
    Ok(())
}
