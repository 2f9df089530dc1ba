//! Logging in at an OpenID Connect provider: authorization code with PKCE, state and nonce.

use std::pin::Pin;
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreResponseType,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AsyncHttpClient, AuthenticationFlow, AuthorizationCode, Client, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};

use super::error::{AuthError, address};
use super::session::Pending;
use crate::client::client;
use crate::settings::Settings;

/// The provider answers within this time, or does not.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most that it may answer.
const LONGEST: usize = 1024 * 1024;

/// The claims that are in no standard; a setting says which of them has the groups.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct OwnClaims(serde_json::Map<String, serde_json::Value>);

impl AdditionalClaims for OwnClaims {}

type Fields = IdTokenFields<
    OwnClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

/// The client of the core crate, with claims that are in no standard.
type ProviderClient = Client<
    OwnClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why a login did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    /// The provider cannot be asked.
    #[error("the provider does not answer as it should: {0}")]
    Provider(String),
    /// What came back proves nothing.
    #[error("what the provider sent does not prove who you are: {0}")]
    Unproven(String),
    /// Known, but no instructor.
    #[error("{0} is not on this dashboard's list of instructors")]
    Refused(String),
    /// On the list by an address that may be another's.
    #[error(
        "{0} is on this dashboard's list of instructors, but the provider does not call the address verified"
    )]
    Unverified(String),
}

#[derive(Debug, thiserror::Error)]
enum HttpError {
    #[error(transparent)]
    Request(#[from] reqwest::Error),
    #[error("the answer is longer than 1 MiB")]
    TooLong,
    #[error(transparent)]
    Response(#[from] axum::http::Error),
}

/// A provider, and whom it may let in.
#[derive(Debug)]
pub(crate) struct Provider {
    issuer: IssuerUrl,
    client: ClientId,
    secret: Option<ClientSecret>,
    redirect: RedirectUrl,
    allow: Vec<Allowed>,
    groups_claim: String,
    trust_email: bool,
    http: Http,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    Email(String),
    Group(String),
}

/// Whether somebody is an instructor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Instructor,
    /// By an address that the provider does not vouch for.
    Unverified,
    Unknown,
}

/// What a provider says of who logged in.
#[derive(Debug, Default)]
struct Person {
    subject: String,
    email: Option<String>,
    verified: bool,
    groups: Vec<String>,
}

impl Provider {
    /// The provider that the settings name.
    pub(crate) fn new(settings: &Settings) -> Result<Option<Self>, AuthError> {
        let Some(issuer) = settings.oidc_issuer.clone().filter(|issuer| !issuer.is_empty()) else {
            return Ok(None);
        };
        let none = |name, text: &str| AuthError::Address { name, text: text.to_owned() };
        let url = address(&issuer).ok_or_else(|| none("WORKSHOP_OIDC_ISSUER", &issuer))?;
        let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() != "https" && !loopback {
            return Err(AuthError::Login("the provider's address must begin with https://".to_owned()));
        }
        let Some(id) = settings.oidc_client_id.clone() else {
            return Err(AuthError::Login("WORKSHOP_OIDC_CLIENT_ID is not set".to_owned()));
        };
        let public = settings.public_url.clone().unwrap_or_default();
        if address(&public).is_none() {
            return Err(none("WORKSHOP_PUBLIC_URL", &public));
        }
        let allow = allowed(&settings.oidc_allow);
        if allow.is_empty() {
            return Err(AuthError::Login("WORKSHOP_OIDC_ALLOW names nobody".to_owned()));
        }
        let failed = |error: &dyn std::fmt::Display| AuthError::Login(error.to_string());
        // A provider that sends us elsewhere would choose what we ask for.
        let make =
            || reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
        Ok(Some(Self {
            issuer: IssuerUrl::new(issuer).map_err(|e| failed(&e))?,
            client: ClientId::new(id),
            secret: settings.oidc_client_secret.clone().filter(|s| !s.is_empty()).map(ClientSecret::new),
            redirect: RedirectUrl::new(format!("{}/auth/callback", public.trim_end_matches('/')))
                .map_err(|e| failed(&e))?,
            allow,
            groups_claim: settings.oidc_groups_claim.clone(),
            trust_email: settings.oidc_trust_email,
            http: Http(client(make, url.scheme() == "https").map_err(|e| failed(&e))?),
        }))
    }

    /// Asked anew for each login: logins are rare, and keys change.
    async fn discover(&self) -> Result<(ProviderClient, Vec<Scope>), LoginError> {
        let metadata = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http)
            .await
            .map_err(|error| LoginError::Provider(chain(&error)))?;
        let scopes = scopes(metadata.scopes_supported().map(Vec::as_slice));
        let client = Client::from_provider_metadata(metadata, self.client.clone(), self.secret.clone());
        Ok((client.set_redirect_uri(self.redirect.clone()), scopes))
    }

    /// Where the browser goes to log in, and what is to be remembered until it comes back to `back`.
    pub(crate) async fn begin(&self, back: String) -> Result<(String, Pending), LoginError> {
        let (client, scopes) = self.discover().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let mut request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        for scope in scopes {
            request = request.add_scope(scope);
        }
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        let pending =
            Pending::new(state.secret().clone(), nonce.secret().clone(), verifier.secret().clone(), back);
        Ok((url.to_string(), pending))
    }

    /// Who logged in, if it is an instructor.
    pub(crate) async fn finish(&self, code: String, pending: &Pending) -> Result<String, LoginError> {
        let provider = |error: &dyn std::error::Error| LoginError::Provider(chain(error));
        let unproven = |error: &dyn std::error::Error| LoginError::Unproven(chain(error));
        let (client, _) = self.discover().await?;
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|e| provider(&e))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()))
            .request_async(&self.http)
            .await
            .map_err(|e| provider(&e))?;
        let Some(token) = tokens.extra_fields().id_token() else {
            return Err(LoginError::Unproven("there is no ID token".to_owned()));
        };
        let nonce = Nonce::new(pending.nonce.clone());
        let claims = token.claims(&client.id_token_verifier(), &nonce).map_err(|e| unproven(&e))?;
        let mut person = Person {
            subject: claims.subject().to_string(),
            email: claims.email().map(|email| email.to_string()),
            verified: claims.email_verified() == Some(true),
            groups: self.groups(claims.additional_claims()),
        };
        // Many providers tell the rest only when asked with the access token.
        if self.verdict(&person) != Verdict::Instructor
            && let Ok(request) =
                client.user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
        {
            let info: UserInfoClaims<OwnClaims, CoreGenderClaim> =
                request.request_async(&self.http).await.map_err(|e| provider(&e))?;
            if let Some(email) = info.email() {
                person.email = Some(email.to_string());
                person.verified = info.email_verified() == Some(true);
            }
            person.groups.extend(self.groups(info.additional_claims()));
        }
        let name = person.email.clone().unwrap_or_else(|| person.subject.clone());
        match self.verdict(&person) {
            Verdict::Instructor => Ok(name),
            Verdict::Unverified => Err(LoginError::Unverified(name)),
            Verdict::Unknown => Err(LoginError::Refused(name)),
        }
    }

    fn verdict(&self, person: &Person) -> Verdict {
        let mut verdict = Verdict::Unknown;
        for allowed in &self.allow {
            match allowed {
                Allowed::Group(group) if person.groups.contains(group) => return Verdict::Instructor,
                Allowed::Email(email)
                    if person.email.as_ref().is_some_and(|own| own.to_lowercase() == *email) =>
                {
                    if person.verified || self.trust_email {
                        return Verdict::Instructor;
                    }
                    verdict = Verdict::Unverified;
                }
                _ => {}
            }
        }
        verdict
    }

    /// A list of names, or one.
    fn groups(&self, claims: &OwnClaims) -> Vec<String> {
        match claims.0.get(&self.groups_claim) {
            Some(serde_json::Value::Array(list)) => {
                list.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
            }
            Some(serde_json::Value::String(name)) => vec![name.clone()],
            _ => Vec::new(),
        }
    }
}

/// How the provider is asked.
#[derive(Debug)]
struct Http(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let mut response = self.0.execute(request.try_into()?).await?;
            let mut answer = axum::http::Response::builder().status(response.status());
            for (name, value) in response.headers() {
                answer = answer.header(name, value);
            }
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                if body.len() + chunk.len() > LONGEST {
                    return Err(HttpError::TooLong);
                }
                body.extend_from_slice(&chunk);
            }
            Ok(answer.body(body)?)
        })
    }
}

fn allowed(list: &[String]) -> Vec<Allowed> {
    let entries = list.iter().map(|entry| entry.trim()).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| match entry.strip_prefix("group:") {
            Some(group) => Allowed::Group(group.to_owned()),
            None => Allowed::Email(entry.to_lowercase()),
        })
        .collect()
}

/// What is asked for besides `openid`. Some providers refuse a login that asks for a scope they do not have; one that does
/// not say which it has, has those of the standard.
fn scopes(supported: Option<&[Scope]>) -> Vec<Scope> {
    let wanted = ["email", "profile", "groups"].map(|scope| Scope::new(scope.to_owned()));
    match supported {
        Some(supported) => wanted.into_iter().filter(|scope| supported.contains(scope)).collect(),
        None => wanted.into_iter().take(2).collect(),
    }
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
