//! What every OpenAPI document of ours says alike.

use utoipa::openapi::{ContentBuilder, OpenApi, Ref, ResponseBuilder};

/// Besides the answers that an operation names, any may be a problem: of a malformed request, a wrong token, a full disk.
#[must_use]
pub fn with_problems(mut document: OpenApi) -> OpenApi {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemBody"))).build();
    let problem =
        ResponseBuilder::new().description("A problem").content("application/problem+json", body).build();
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            operation.responses.responses.insert("default".to_owned(), problem.clone().into());
        }
    }
    document
}
