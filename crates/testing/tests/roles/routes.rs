//! The routes of a router, read from what it prints of itself, and of an OpenAPI document.

use std::collections::BTreeSet;

use axum::Router;
use serde_json::Value;

/// Method and path. The method of a socket is `WS`; of a route that takes every method, `ANY`.
pub(crate) type Route = (String, String);

const METHODS: [&str; 9] = ["get", "head", "delete", "options", "patch", "post", "put", "trace", "connect"];

/// What no route takes, and a path for it.
const OTHERS: [(&str, &str); 1] = [("(any other)", "/other")];

/// All routes of a router, and what it does with other paths. Each operation of its document must be one of them.
pub(crate) fn all(router: &Router, document: &str) -> BTreeSet<Route> {
    let mut routes = of_router(router);
    let operations = of_document(document);
    assert!(operations.len() > 10);
    let missing: Vec<&Route> = operations.difference(&routes).collect();
    assert!(missing.is_empty(), "in the document and not served: {missing:?}");
    routes.extend(OTHERS.map(|(name, _)| ("ANY".to_owned(), name.to_owned())));
    routes
}

/// The path of a route, or one for a name in [`OTHERS`].
pub(crate) fn other(path: &str) -> &str {
    OTHERS.iter().find(|(name, _)| *name == path).map_or(path, |(_, path)| path)
}

/// All routes of a router. axum has no other way to list them than its `Debug`, which has the methods and the path of
/// each route by the route's number.
fn of_router(router: &Router) -> BTreeSet<Route> {
    let printed = format!("{router:?}");
    let (routed, _) = printed.split_once("fallback_router:").expect("axum's form of a router");
    let (methods, paths) = routed.split_once("node: Node").expect("axum's form of a router");
    let paths: Vec<(&str, &str)> =
        numbered(paths).map(|(number, rest)| (number, rest.split('"').nth(1).expect("a path"))).collect();
    let mut routes = BTreeSet::new();
    for (number, rest) in numbered(methods) {
        let (_, path) = *paths.iter().find(|(of, _)| *of == number).expect("the path of a route");
        let taken = METHODS.iter().filter(|method| {
            let field = rest.split_once(&format!(" {method}: ")).expect("a route of methods").1;
            !field.starts_with("None")
        });
        let mut taken: Vec<String> = taken.map(|method| method.to_uppercase()).collect();
        if path.starts_with("/ws/") && taken == ["GET"] {
            taken = vec!["WS".to_owned()];
        } else if taken.is_empty() {
            taken.push("ANY".to_owned());
        }
        routes.extend(taken.into_iter().map(|method| (method, path.to_owned())));
    }
    assert!(routes.len() > 10, "axum prints its routers in another form: {printed}");
    routes
}

/// What follows each `RouteId(…): `, with the number.
fn numbered(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("RouteId(").skip(1).filter_map(|part| part.split_once("): "))
}

/// All operations of a document.
fn of_document(document: &str) -> BTreeSet<Route> {
    let document: Value = serde_json::from_str(document).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone()))
    });
    operations.collect()
}
