//! Logins as signed cookies: any replica knows them, none has to keep them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderValue, header};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use workshop_events::Timestamp;

use crate::settings::Settings;
use crate::values::now;

/// How long a login lasts, in milliseconds: a day of teaching.
const LASTS: i64 = 12 * 60 * 60 * 1000;
/// How long the way to the provider and back may take.
const LOGIN_LASTS: i64 = 10 * 60 * 1000;

/// Makes and reads the cookies.
pub(crate) struct Sessions {
    key: [u8; 32],
    secure: bool,
    /// Who logged out here before the login ended by itself: ids, and when each ends.
    ended: Mutex<HashMap<String, i64>>,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("secure", &self.secure).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Session {
    id: String,
    name: String,
    until: i64,
}

/// What is remembered of a login on its way to the provider and back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    pub(crate) back: String,
    until: i64,
}

impl Pending {
    pub(crate) fn new(state: String, nonce: String, verifier: String, back: String) -> Self {
        Self { state, nonce, verifier, back, until: now().as_millis() + LOGIN_LASTS }
    }
}

impl Sessions {
    /// The key comes from the client's secret, so that replicas and restarts agree, and from who is allowed, so that
    /// nobody stays in who was taken off the list. Without a secret it is drawn: then a restart ends all logins.
    pub(crate) fn new(settings: &Settings, secure: bool) -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        match &settings.oidc_client_secret {
            Some(secret) if !secret.is_empty() => {
                let mut hash = Sha256::new();
                hash.update(b"workshop-dashboard login\0");
                for part in [Some(secret), settings.oidc_issuer.as_ref(), settings.oidc_client_id.as_ref()] {
                    hash.update(part.map_or("", String::as_str).as_bytes());
                    hash.update(b"\0");
                }
                let mut allow = settings.oidc_allow.clone();
                allow.sort();
                hash.update(allow.join("\0").as_bytes());
                key.copy_from_slice(&hash.finalize());
            }
            _ => getrandom::fill(&mut key)?,
        }
        Ok(Self { key, secure, ended: Mutex::default() })
    }

    /// A cookie that says who logged in.
    pub(crate) fn begin(&self, name: &str) -> Result<HeaderValue, getrandom::Error> {
        let until = now().as_millis() + LASTS;
        let session = Session { id: random()?, name: name.to_owned(), until };
        Ok(self.cookie("session", &self.seal("session", &session), LASTS / 1000))
    }

    /// Who logged in with this browser, if the login still lasts.
    pub(crate) fn name(&self, headers: &HeaderMap) -> Option<String> {
        let session: Session = self.open("session", &self.sent(headers, "session")?)?;
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        (Timestamp::from_millis(session.until) > now() && !ended.contains_key(&session.id))
            .then_some(session.name)
    }

    /// Ends the login of this browser, also for who copied its cookie.
    pub(crate) fn end(&self, headers: &HeaderMap) -> HeaderValue {
        let session: Option<Session> =
            self.sent(headers, "session").and_then(|sealed| self.open("session", &sealed));
        if let Some(session) = session {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            let now = now().as_millis();
            ended.retain(|_, until| *until > now);
            ended.insert(session.id, session.until);
        }
        self.cookie("session", "", 0)
    }

    /// A cookie that ties a login to this browser.
    pub(crate) fn remember(&self, pending: &Pending) -> HeaderValue {
        self.cookie("login", &self.seal("login", pending), LOGIN_LASTS / 1000)
    }

    /// What this browser's login began with.
    pub(crate) fn recall(&self, headers: &HeaderMap) -> Option<Pending> {
        let pending: Pending = self.open("login", &self.sent(headers, "login")?)?;
        (pending.until > now().as_millis()).then_some(pending)
    }

    /// A login happens once.
    pub(crate) fn forget(&self) -> HeaderValue {
        self.cookie("login", "", 0)
    }

    fn cookie_name(&self, kind: &str) -> String {
        // With this prefix browsers take it from this host only, and over TLS only.
        let prefix = if self.secure { "__Host-" } else { "" };
        format!("{prefix}workshop-{kind}")
    }

    fn cookie(&self, kind: &str, value: &str, seconds: i64) -> HeaderValue {
        let name = self.cookie_name(kind);
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
        // Hex, digits and names of ours: always a header value.
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
    }

    fn sent(&self, headers: &HeaderMap, kind: &str) -> Option<String> {
        let name = self.cookie_name(kind);
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    }

    fn mac(&self, kind: &str, text: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(kind.as_bytes());
        mac.update(b"\0");
        mac.update(text);
        Some(mac)
    }

    fn seal(&self, kind: &str, value: &impl Serialize) -> String {
        let text = serde_json::to_vec(value).unwrap_or_default();
        let mac = self.mac(kind, &text).map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
        format!("{}.{}", hex::encode(&text), hex::encode(mac))
    }

    fn open<T: DeserializeOwned>(&self, kind: &str, sealed: &str) -> Option<T> {
        let (text, mac) = sealed.split_once('.')?;
        let (text, mac) = (hex::decode(text).ok()?, hex::decode(mac).ok()?);
        self.mac(kind, &text)?.verify_slice(&mac).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// 128 random bits.
fn random() -> Result<String, getrandom::Error> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)?;
    Ok(hex::encode(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(key: u8) -> Sessions {
        Sessions { key: [key; 32], secure: false, ended: Mutex::default() }
    }

    fn sent(cookie: &HeaderValue) -> HeaderMap {
        let value = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        HeaderMap::from_iter([(header::COOKIE, value.parse().unwrap())])
    }

    #[test]
    fn a_login_is_known_by_its_cookie_until_it_ends() {
        let sessions = sessions(1);
        let cookie = sessions.begin("ada@example.org").unwrap();
        assert!(cookie.to_str().unwrap().contains("; HttpOnly; SameSite=Lax"));
        let headers = sent(&cookie);
        assert_eq!(sessions.name(&headers).as_deref(), Some("ada@example.org"));
        let cleared = sessions.end(&headers);
        assert!(cleared.to_str().unwrap().contains("Max-Age=0"));
        assert_eq!(sessions.name(&headers), None, "a copy is of no use after logging out");
    }

    #[test]
    fn a_cookie_of_another_key_or_kind_or_with_another_text_is_none() {
        let ours = sessions(1);
        let headers = sent(&ours.begin("ada").unwrap());
        assert_eq!(sessions(2).name(&headers), None);
        let text = headers[header::COOKIE].to_str().unwrap();
        for changed in [
            text.replacen("7b", "7c", 1),
            text.split('.').next().unwrap().to_owned(),
            format!("{text}00"),
            text.replace('.', ""),
            text.replace("workshop-session=", "workshop-session=é"),
        ] {
            let Ok(value) = changed.parse() else { continue };
            assert_eq!(ours.name(&HeaderMap::from_iter([(header::COOKIE, value)])), None, "{changed}");
        }
        let pending = Pending::new("s".into(), "n".into(), "v".into(), "/".into());
        let login = ours.remember(&pending).to_str().unwrap().replace("workshop-login", "workshop-session");
        assert_eq!(ours.name(&sent(&login.parse().unwrap())), None);
    }

    #[test]
    fn a_login_that_took_too_long_is_none() {
        let sessions = sessions(1);
        let mut pending = Pending::new("s".into(), "n".into(), "v".into(), "/".into());
        assert!(sessions.recall(&sent(&sessions.remember(&pending))).is_some());
        pending.until = 0;
        assert!(sessions.recall(&sent(&sessions.remember(&pending))).is_none());
    }
}
