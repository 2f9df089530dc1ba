//! Help for a step: the author's files.

use axum::{Json, extract::State};
use serde::Deserialize;
use workshop_definition::artifact::{Artifact, HelpMode, StepMeta};
use workshop_edge::{JsonBody, Path, Problem};
use workshop_events::{Llm, StateEvent};
use workshop_wire::ProblemBody;
use workshop_wire::backend::{HelpBody, HelpEntry, HelpOffer, HelpSource, HelpText};

use super::{
    open_step::{OpenStep, find},
    service::Service,
};

/// The help that a step has: a mode without a file would need a language model, which is not connected.
pub(super) fn offers(artifact: &Artifact, step: &StepMeta) -> Vec<HelpOffer> {
    HelpMode::ALL
        .into_iter()
        .filter(|mode| step.has_help(*mode) && is_allowed(artifact, step, *mode))
        .map(|mode| HelpOffer { mode, source: HelpSource::File })
        .collect()
}

/// The mode to show first.
pub(super) fn preselected(artifact: &Artifact, step: &StepMeta) -> Option<HelpMode> {
    let offered = offers(artifact, step);
    let of_step = artifact.llm(&step.id).and_then(|llm| llm.mode);
    let wanted = of_step.or(artifact.workshop().llm.as_ref().map(|llm| llm.default_mode));
    wanted.filter(|w| offered.iter().any(|o| o.mode == *w)).or(offered.first().map(|o| o.mode))
}

/// `modes` of a step restricts; an empty list turns only the language model off.
fn is_allowed(artifact: &Artifact, step: &StepMeta, mode: HelpMode) -> bool {
    match artifact.llm(&step.id).and_then(|llm| llm.modes.as_deref()) {
        None | Some([]) => true,
        Some(modes) => modes.contains(&mode),
    }
}

#[derive(Deserialize)]
pub(super) struct ModePath {
    mode: String,
}

fn read(step: &OpenStep, mode: &str) -> Result<(HelpMode, HelpText), Problem> {
    let artifact = step.service().workspace.artifact();
    let missing = || Problem::not_found(format!("This step has no help {mode:?}."));
    let mode = HelpMode::parse(mode).filter(|m| is_allowed(artifact, step, *m)).ok_or_else(missing)?;
    let markdown = step.help(mode)?.ok_or_else(missing)?;
    Ok((mode, HelpText { mode, markdown }))
}

/// Help from the author's file.
#[utoipa::path(get, path = "/api/steps/{id}/help/{mode}", tag = "student",
    params(("id" = String, Path, description = "The step's id"), ("mode" = String, Path, description = "hints, explain or solve")),
    responses((status = 200, body = HelpText), (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Not open yet", body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn get_help(
    step: OpenStep,
    Path(ModePath { mode }): Path<ModePath>,
) -> Result<Json<HelpText>, Problem> {
    read(&step, &mode).map(|(_, text)| Json(text))
}

/// Opens help, which is recorded.
#[utoipa::path(post, path = "/api/steps/{id}/help/{mode}", tag = "student",
    params(("id" = String, Path, description = "The step's id"), ("mode" = String, Path, description = "hints, explain or solve")),
    request_body = HelpBody,
    responses((status = 200, body = HelpText), (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Not open yet", body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn open_help(
    step: OpenStep,
    Path(ModePath { mode }): Path<ModePath>,
    JsonBody(body): JsonBody<HelpBody>,
) -> Result<Json<HelpText>, Problem> {
    if !body.question.is_empty() {
        return Err(Problem::conflict(
            "no-llm",
            "Nobody here answers questions",
            "This workspace has no language model. Open the help without a question.",
        ));
    }
    let (mode, text) = read(&step, &mode)?;
    let event = StateEvent::HelpOpened {
        step: step.id.clone().into(),
        mode: mode.as_str().into(),
        source: "file".into(),
    };
    step.service().append(event).await?;
    Ok(Json(text))
}

/// The help that was opened in a step, oldest first.
#[utoipa::path(get, path = "/api/steps/{id}/help/history", tag = "student", params(("id" = String, Path, description = "The step's id")),
    responses((status = 200, body = Vec<HelpEntry>), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn history(
    State(service): State<Service>,
    Path(id): Path<String>,
) -> Result<Json<Vec<HelpEntry>>, Problem> {
    find(&service, &id)?;
    let mut entries = entries(&service).await?;
    entries.retain(|entry| entry.step == id);
    Ok(Json(entries))
}

/// All help that was opened, oldest first: files from the state stream, exchanges from the llm stream.
pub(super) async fn entries(service: &Service) -> Result<Vec<HelpEntry>, Problem> {
    let mut entries: Vec<HelpEntry> = service.workspace.read_timeline(|timeline| {
        timeline
            .helps()
            .filter(|help| help.source != "llm")
            .map(|help| HelpEntry {
                step: help.step.clone(),
                mode: help.mode.clone(),
                source: help.source.clone(),
                ts: help.ts,
                question: String::new(),
                response: String::new(),
            })
            .collect()
    });
    let workspace = service.workspace.clone();
    let read = move || {
        let mut exchanges = Vec::new();
        workshop_journal::replay_dir::<Llm>(workspace.journal().dir(), Some(workspace.log()), |item| {
            let record = item.record;
            exchanges.push(HelpEntry {
                step: record.step.into(),
                mode: record.mode.into(),
                source: "llm".to_owned(),
                ts: record.ts,
                question: record.question.into(),
                response: record.response.into(),
            });
        })
        .map(|_| exchanges)
    };
    let exchanges = tokio::task::spawn_blocking(read)
        .await
        .map_err(|e| Problem::internal("Reading the help history was cut off", &e))?
        .map_err(|e| Problem::internal("Cannot read the help history", &e))?;
    entries.extend(exchanges);
    entries.sort_by_key(|entry| entry.ts);
    Ok(entries)
}
