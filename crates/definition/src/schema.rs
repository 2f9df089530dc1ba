//! The JSON schema of `workshop.yaml`, for editors.

use crate::source::WorkshopFile;

/// The JSON schema of `workshop.yaml`, made from the types that read it.
///
/// It knows keys and types; what excludes what and what files must be there, only [`load`](crate::load()) tells.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(WorkshopFile);
    schema.insert("title".into(), "workshop.yaml".into());
    schema.to_value()
}
