//! `workshop doctor`: what was found on this machine, what is missing, and what to do about it.

mod engines;
mod finding;
mod machine;
mod sandbox;

use std::fmt::Write as _;

use serde::Serialize;

use self::finding::{Finding, Level};
use crate::arguments::EngineChoice;
use crate::context::Context;
use crate::failure::Failure;
use crate::paint::{self, Paint, shown};

/// Findings that belong together.
#[derive(Debug, Serialize)]
struct Chapter {
    name: &'static str,
    findings: Vec<Finding>,
}

/// The whole answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    version: &'static str,
    /// Whether something can run workspaces.
    able: bool,
    /// What that is, or what to do about it.
    verdict: String,
    chapters: Vec<Chapter>,
}

/// Runs it.
pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let choice = context.settings.engine;
    let (engines, engine) = engines::look(choice).await;
    let parts = machine::parts();
    let bubblewrap = sandbox::look();
    let sandboxes = parts.iter().chain(&bubblewrap).all(|found| found.standing != Level::Missing);
    let (able, verdict) = verdict(choice, engine.as_deref(), sandboxes);
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        able,
        verdict,
        chapters: vec![
            Chapter { name: "Container engines", findings: engines },
            Chapter { name: "Sandbox", findings: bubblewrap },
            Chapter { name: "The platform's parts", findings: parts },
            Chapter { name: "This machine", findings: machine::look(context) },
            Chapter { name: "Settings", findings: machine::settings(context) },
        ],
    };
    let page = if context.output.is_json() {
        format!("{}\n", serde_json::to_string(&report)?)
    } else {
        text(&report, Paint::stdout())
    };
    paint::print(&page)?;
    if report.able { Ok(()) } else { Err(Failure::Reported(1)) }
}

fn verdict(choice: EngineChoice, engine: Option<&str>, sandboxes: bool) -> (bool, String) {
    match (choice, engine, sandboxes) {
        (EngineChoice::Sandbox, _, true) => {
            (true, "Workshops run in a sandbox, as the settings say.".to_owned())
        }
        (EngineChoice::Sandbox, _, false) => {
            (false, "The settings say sandbox, and something that it needs is missing.".to_owned())
        }
        (_, Some(engine), _) => (true, format!("Workshops are built and run on {engine}.")),
        (EngineChoice::Auto, None, true) => (
            true,
            "No container engine answers. Workshops run in a sandbox, with --engine sandbox.".to_owned(),
        ),
        (EngineChoice::Auto, None, false) => (
            false,
            "Nothing here can run workspaces: start Docker or Podman, or mend what the sandbox lacks."
                .to_owned(),
        ),
        (_, None, _) => (false, "The engine that the settings say does not answer.".to_owned()),
    }
}

fn text(report: &Report, paint: Paint) -> String {
    let mut page = format!("{}\n", paint.bold(format_args!("workshop {}", report.version)));
    let findings = report.chapters.iter().flat_map(|chapter| &chapter.findings);
    let width = findings.map(|finding| finding.what.chars().count()).max().unwrap_or(0).min(32);
    for chapter in &report.chapters {
        let _ = writeln!(page, "\n{}", paint.bold(chapter.name));
        for finding in &chapter.findings {
            let mark = match finding.standing {
                Level::Ok => paint.green("✓"),
                Level::Note => paint.yellow("·"),
                Level::Missing => paint.red("✗"),
            };
            let _ = writeln!(page, "{mark} {:<width$}  {}", shown(&finding.what), shown(&finding.found));
            if let Some(advice) = &finding.advice {
                let _ =
                    writeln!(page, "  {:<width$}  {}", "", paint.yellow(format_args!("→ {}", shown(advice))));
            }
        }
    }
    let mark = if report.able { paint.green("✓") } else { paint.red("✗") };
    let _ = writeln!(page, "\n{mark} {}", report.verdict);
    page
}
