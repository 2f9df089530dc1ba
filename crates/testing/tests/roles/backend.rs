//! A backend in this process, and whom it lets in.

use std::net::SocketAddr;

use axum::Router;
use clap::{Args, Command, FromArgMatches};
use reqwest::Client;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use workshop_backend::api::access::Access;
use workshop_backend::api::{Parts, Service, openapi, router};
use workshop_backend::check::Checks;
use workshop_backend::settings::Settings;
use workshop_backend::terminal::{self, Terminals};
use workshop_backend::workspace::{self, Identity};
use workshop_definition::artifact::Artifact;
use workshop_sandbox::{Direct, Launcher};
use workshop_testing::backend::{ACCESS, Folder, INSTRUCTOR, SUPERVISOR, WORKSHOP};

use crate::{routes, socket};

const TOKENS: [(&str, &str, &str); 3] = [
    ("access", "--access-token", ACCESS),
    ("instructor", "--instructor-token", INSTRUCTOR),
    ("supervisor", "--supervisor-token", SUPERVISOR),
];

/// Dropped, it ends.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    router: Router,
    tokens: &'static [(&'static str, &'static str, &'static str)],
    serving: JoinHandle<()>,
    _folder: Folder,
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Backend {
    /// With all tokens, or without that of the student.
    pub(crate) async fn start(with_access: bool) -> Self {
        let folder = Folder::new(WORKSHOP);
        let tokens = if with_access { &TOKENS[..] } else { &TOKENS[1..] };
        let settings = settings(&folder, tokens);
        let artifact = Artifact::load(&settings.artifact).unwrap();
        let opened = workspace::open(&settings.runtime, artifact, Identity::default(), || {}).unwrap();
        let workspace = opened.workspace;
        workspace.begin().await;
        let launcher = Launcher::Direct(Direct::new(&settings.shell_user).unwrap());
        let terminals = Terminals::new(terminal::Settings {
            workspace: workspace.clone(),
            launcher: launcher.clone(),
            shell: settings.shell.clone(),
            sandbox: false,
            author_env: Vec::new(),
            directory: folder.path("work"),
            cast_limit: settings.cast_limit,
        })
        .unwrap();
        let access = Access::new(&settings);
        let checks = Checks::new(launcher, folder.path("bin/goss"));
        let service = Service::new(Parts { workspace, access, checks, terminals, isolated: true });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = router(service);
        let app = router.clone();
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, router, tokens, serving, _folder: folder }
    }

    /// A line of the table for each route.
    pub(crate) async fn lines(&self) -> Vec<String> {
        let routes = routes::all(&self.router, &openapi().unwrap());
        let mut lines = Vec::new();
        for (method, path) in routes {
            let mut line = format!("backend {method} {path}");
            let tokens = self.tokens.iter().map(|(name, _, token)| (*name, Some(*token)));
            for (name, token) in [("none", None)].into_iter().chain(tokens) {
                if self.lets_in(&method, &path, token).await {
                    line += &format!(" {name}");
                }
            }
            lines.push(line);
        }
        lines
    }

    async fn lets_in(&self, method: &str, path: &str, token: Option<&str>) -> bool {
        if method == "WS" && !path.contains('*') {
            return socket::lets_in(&self.address.to_string(), path, token, "").await;
        }
        let path = routes::other(path).replace("{id}", "one").replace("{mode}", "hints");
        let path = path.replace("{name}", "none").replace("{*path}", "none");
        assert!(!path.contains('{'), "{path}: say in this test what stands for its parameters");
        let method = if matches!(method, "ANY" | "WS") { "GET" } else { method };
        let url = format!("http://{}{path}", self.address);
        let mut request = Client::new().request(method.parse().unwrap(), url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        !matches!(request.send().await.unwrap().status().as_u16(), 401 | 403)
    }
}

fn settings(folder: &Folder, tokens: &[(&str, &str, &str)]) -> Settings {
    let [artifact, runtime] = ["artifact", "runtime"].map(|name| folder.path(name).display().to_string());
    let arguments = ["backend", "--artifact", &artifact, "--runtime", &runtime, "--shell-user", "nobody"];
    let tokens = tokens.iter().flat_map(|(_, flag, token)| [*flag, *token]);
    let command = Settings::augment_args(Command::new("backend"));
    let matches = command.get_matches_from(arguments.into_iter().chain(tokens));
    Settings::from_arg_matches(&matches).unwrap().checked().unwrap()
}
