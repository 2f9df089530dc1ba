//! The dashboard's settings: flags, or the environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// What `workshop-dashboard serve` is told.
#[derive(Args, Clone)]
pub struct Settings {
    /// The database: postgres://user:password@host/name.
    #[arg(long, env = "WORKSHOP_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database: String,
    /// Where to serve.
    #[arg(long, env = "WORKSHOP_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,
    /// Where recordings are kept: a directory, or s3://bucket/prefix with the usual AWS_* variables.
    #[arg(long, env = "WORKSHOP_CASTS", value_name = "PLACE")]
    pub casts: Option<String>,
    /// The instructors' token.
    #[arg(long, env = "WORKSHOP_INSTRUCTOR_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub instructor_token: Option<String>,
    /// The instructor token of the workspaces, with which their terminals are shown.
    #[arg(long, env = "WORKSHOP_WORKSPACE_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub workspace_token: Option<String>,
    /// Names by which browsers reach it, besides the loopback ones.
    #[arg(long, env = "WORKSHOP_ALLOWED_HOSTS", value_name = "HOSTS", value_delimiter = ',')]
    pub allowed_hosts: Vec<String>,
    /// Its address in browsers, for logging in and in webhooks.
    #[arg(long, env = "WORKSHOP_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// The OpenID Connect provider that instructors log in with.
    #[arg(long, env = "WORKSHOP_OIDC_ISSUER", value_name = "URL", requires_all = ["oidc_client_id", "public_url"])]
    pub oidc_issuer: Option<String>,
    /// The dashboard's name at the provider.
    #[arg(long, env = "WORKSHOP_OIDC_CLIENT_ID", value_name = "ID")]
    pub oidc_client_id: Option<String>,
    /// Its secret there.
    #[arg(long, env = "WORKSHOP_OIDC_CLIENT_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub oidc_client_secret: Option<String>,
    /// Who is an instructor: e-mail addresses, or `group:` and its name.
    #[arg(long, env = "WORKSHOP_OIDC_ALLOW", value_name = "WHO", value_delimiter = ',')]
    pub oidc_allow: Vec<String>,
    /// The claim with a person's groups, such as `roles` or `cognito:groups`.
    #[arg(long, env = "WORKSHOP_OIDC_GROUPS_CLAIM", value_name = "CLAIM", default_value = "groups")]
    pub oidc_groups_claim: String,
    /// Take e-mail addresses that the provider does not call verified: it has no others.
    #[arg(long, env = "WORKSHOP_OIDC_TRUST_EMAIL")]
    pub oidc_trust_email: bool,
    /// A file that says which events are posted where.
    #[arg(long, env = "WORKSHOP_WEBHOOKS", value_name = "FILE")]
    pub webhooks: Option<PathBuf>,
    /// After how many days without a new line a log is dropped; none are if this is not set.
    #[arg(long, env = "WORKSHOP_RETENTION", value_name = "DAYS")]
    pub retention: Option<u32>,
}

/// Without what is secret, which an address of a database may be, too.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("listen", &self.listen).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command};

    use super::*;

    /// Images and pods set variables.
    #[test]
    fn each_flag_has_a_variable() {
        let command = Settings::augment_args(Command::new("serve"));
        let without = command
            .get_arguments()
            .filter(|flag| flag.get_env().is_none())
            .map(|flag| flag.get_id().as_str());
        assert_eq!(without.collect::<Vec<_>>(), [""; 0]);
    }
}
