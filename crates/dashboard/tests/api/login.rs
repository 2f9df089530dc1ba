//! Logging in at a real OpenID Connect provider.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use workshop_testing::dashboard::{Browser, INSTRUCTOR, Provider, Served};

use super::harness::Database;

async fn me(browser: &mut Browser, running: &Served) -> (StatusCode, Value) {
    let response = browser.get(&running.url("/api/me")).await;
    (response.status(), response.json().await.unwrap())
}

async fn set_up(database: &Database, allow: &str, secret: bool, id_token: bool) -> (Served, Provider) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let public = format!("http://{}", listener.local_addr().unwrap());
    let provider = Provider::start(&public, secret, id_token);
    let mut arguments = vec!["--instructor-token", INSTRUCTOR, "--oidc-allow", allow];
    let login = provider.arguments(&public);
    arguments.extend(login.iter().map(String::as_str));
    (Served::listening(listener, &database.url, &arguments).await, provider)
}

#[tokio::test]
async fn an_instructor_logs_in_and_out() {
    let database = Database::new().await;
    let (running, _provider) = set_up(&database, "ada@example.org,group:none", true, false).await;
    let mut browser = Browser::default();
    assert_eq!(me(&mut browser, &running).await.0, StatusCode::UNAUTHORIZED);
    let callback = browser.log_in(running.address, "/auth/login?return=/students/ada", "ada").await;
    let response = browser.get(&callback).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "{}", response.text().await.unwrap());
    assert_eq!(response.headers()[header::LOCATION], "/students/ada");
    let cookies: Vec<&str> = response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|cookie| cookie.to_str().unwrap())
        .collect();
    assert!(cookies[0].contains("HttpOnly; SameSite=Lax"), "{cookies:?}");
    assert_eq!(
        me(&mut browser, &running).await,
        (StatusCode::OK, json!({"name": "Ada@Example.org", "via": "oidc"}))
    );
    let url = format!("http://{}/api/workspaces", running.address);
    assert_eq!(browser.get(&url).await.status(), StatusCode::OK);
    // A token that is sent along decides, also when it is wrong.
    let both = browser.ask(Method::GET, &url, None, &[("authorization", "Bearer wrong")]).await;
    assert_eq!(both.status(), StatusCode::UNAUTHORIZED);
    // Another site's page has the cookie sent along at most, never an answer.
    let other = browser.ask(Method::GET, &url, None, &[("origin", "http://evil.example")]).await;
    assert_eq!(other.status(), StatusCode::FORBIDDEN);

    // The same answer of the provider again: the login was forgotten.
    assert_eq!(browser.get(&callback).await.status(), StatusCode::BAD_REQUEST);

    let copied = browser.cookies.clone();
    let logout = format!("http://{}/auth/logout", running.address);
    for headers in [
        &[][..],
        &[("origin", "http://evil.example")],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "null")],
    ] {
        assert_eq!(
            browser.ask(Method::POST, &logout, None, headers).await.status(),
            StatusCode::FORBIDDEN,
            "{headers:?}"
        );
    }
    assert_eq!(browser.get(&logout).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(me(&mut browser, &running).await.0, StatusCode::OK);
    let own = format!("http://{}", running.address);
    let answer = browser.ask(Method::POST, &logout, None, &[("origin", &own)]).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(me(&mut browser, &running).await.0, StatusCode::UNAUTHORIZED);
    browser.cookies = copied;
    assert_eq!(
        me(&mut browser, &running).await.0,
        StatusCode::UNAUTHORIZED,
        "a copied cookie outlives the login"
    );
}

#[tokio::test]
async fn a_login_is_good_at_every_replica_until_the_list_changes() {
    let database = Database::new().await;
    let (running, provider) = set_up(&database, "ada@example.org", true, true).await;
    let mut browser = Browser::default();
    let callback = browser.log_in(running.address, "/auth/login", "ada").await;
    assert_eq!(browser.get(&callback).await.status(), StatusCode::SEE_OTHER);
    let cookies = browser.cookies[&running.address.to_string()].clone();
    let replica = async |allow: &str| {
        let public = format!("http://{}", running.address);
        let login = provider.arguments(&public);
        let mut more = vec!["--oidc-allow", allow];
        more.extend(login.iter().map(String::as_str));
        Served::with(&database.url, &more).await
    };
    for (allow, expected) in
        [("ada@example.org", StatusCode::OK), ("tom@example.org", StatusCode::UNAUTHORIZED)]
    {
        let other = replica(allow).await;
        let mut elsewhere = Browser::default();
        elsewhere.cookies.insert(other.address.to_string(), cookies.clone());
        assert_eq!(me(&mut elsewhere, &other).await.0, expected, "{allow}");
    }
}

#[tokio::test]
async fn who_is_not_on_the_list_is_refused() {
    let database = Database::new().await;
    for (allow, id_token, person, expected) in [
        ("ada@example.org", false, "bob", StatusCode::FORBIDDEN),
        // Says that it is Ada, and has not proved it.
        ("ada@example.org", false, "eve", StatusCode::FORBIDDEN),
        ("ada@example.org", true, "eve", StatusCode::FORBIDDEN),
        ("ADA@example.org", true, "ada", StatusCode::SEE_OTHER),
        ("group:teachers", false, "tom", StatusCode::SEE_OTHER),
        ("group:teachers", true, "tom", StatusCode::SEE_OTHER),
        ("group:teachers", true, "bob", StatusCode::FORBIDDEN),
        ("teachers", true, "tom", StatusCode::FORBIDDEN),
    ] {
        let (running, _provider) = set_up(&database, allow, true, id_token).await;
        let mut browser = Browser::default();
        let callback = browser.log_in(running.address, "/auth/login", person).await;
        let answer = browser.get(&callback).await;
        assert_eq!(answer.status(), expected, "{allow} {id_token} {person}");
        let text = answer.text().await.unwrap();
        assert!(!text.contains("<b>"), "{text}");
        let known = me(&mut browser, &running).await.0 == StatusCode::OK;
        assert_eq!(known, expected == StatusCode::SEE_OTHER, "{allow} {id_token} {person}");
    }
}

/// As Google, Entra, Authentik, Cognito and Keycloak are: what they lack, and where their groups are.
#[tokio::test]
async fn providers_of_other_shapes() {
    let plain = json!(["openid", "email", "profile"]);
    let email = json!({"email": "ada@example.org"});
    let with = |more: Value| {
        let mut all = email.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let (verified, unverified) =
        (with(json!({"email_verified": true})), with(json!({"email_verified": false})));
    let cognito = with(json!({"email_verified": "true", "cognito:groups": ["teachers"]}));
    let entra = with(json!({"roles": ["teachers"]}));
    let keycloak = json!({"groups": ["/school/teachers"]});
    for (name, ada, more, expected) in [
        // It has no scope `groups`, and would refuse one.
        ("Google", &verified, &["--oidc-allow", "ada@example.org,group:teachers"][..], Ok(())),
        ("Entra, by address", &entra, &["--oidc-allow", "ada@example.org"], Err("verified")),
        ("Entra, trusted", &entra, &["--oidc-allow", "ada@example.org", "--oidc-trust-email"], Ok(())),
        (
            "Entra, by role",
            &entra,
            &["--oidc-allow", "group:teachers", "--oidc-groups-claim", "roles"],
            Ok(()),
        ),
        ("Entra, others", &entra, &["--oidc-allow", "eve@example.org", "--oidc-trust-email"], Err("not on")),
        ("Authentik", &unverified, &["--oidc-allow", "ada@example.org"], Err("verified")),
        (
            "Authentik, trusted",
            &unverified,
            &["--oidc-allow", "ada@example.org", "--oidc-trust-email"],
            Ok(()),
        ),
        ("Cognito", &cognito, &["--oidc-allow", "ada@example.org"], Ok(())),
        (
            "Cognito, by group",
            &cognito,
            &["--oidc-allow", "group:teachers", "--oidc-groups-claim", "cognito:groups"],
            Ok(()),
        ),
        ("Keycloak", &keycloak, &["--oidc-allow", "group:/school/teachers"], Ok(())),
        ("Keycloak, others", &keycloak, &["--oidc-allow", "group:teachers"], Err("not on")),
    ] {
        let database = Database::new().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let public = format!("http://{}", listener.local_addr().unwrap());
        let shape = json!({
            "scopes": plain,
            "claims": {"openid": ["sub", "roles", "cognito:groups", "groups"], "email": ["email", "email_verified"]},
            "people": {"ada": ada},
        });
        let provider = Provider::shaped(&public, true, true, shape);
        let login = provider.arguments(&public);
        let arguments: Vec<&str> = more.iter().copied().chain(login.iter().map(String::as_str)).collect();
        let running = Served::listening(listener, &database.url, &arguments).await;
        let mut browser = Browser::default();
        let callback = browser.log_in(running.address, "/auth/login", "ada").await;
        let answer = browser.get(&callback).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        match expected {
            Ok(()) => assert_eq!(status, StatusCode::SEE_OTHER, "{name}: {text}"),
            Err(part) => {
                assert_eq!(status, StatusCode::FORBIDDEN, "{name}: {text}");
                assert!(text.contains(part), "{name}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_without_a_secret_logs_in_by_its_proof() {
    let database = Database::new().await;
    let (running, _provider) = set_up(&database, "ada@example.org", false, false).await;
    let mut browser = Browser::default();
    let callback = browser.log_in(running.address, "/auth/login?return=//evil.example", "ada").await;
    let answer = browser.get(&callback).await;
    assert_eq!(
        (answer.status(), answer.headers()[header::LOCATION].to_str().unwrap()),
        (StatusCode::SEE_OTHER, "/")
    );
    assert_eq!(me(&mut browser, &running).await.0, StatusCode::OK);
}

#[tokio::test]
async fn only_the_browser_that_began_a_login_ends_it() {
    let database = Database::new().await;
    let (running, _provider) = set_up(&database, "ada@example.org", true, false).await;
    let mut ada = Browser::default();
    let callback = ada.log_in(running.address, "/auth/login", "ada").await;
    // Sent to another browser, to log it in as somebody else.
    let mut victim = Browser::default();
    assert_eq!(victim.get(&callback).await.status(), StatusCode::BAD_REQUEST);
    victim.get(&format!("http://{}/auth/login", running.address)).await;
    assert_eq!(victim.get(&callback).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(me(&mut victim, &running).await.0, StatusCode::UNAUTHORIZED);
    // A code that was changed, none, and a refusal.
    let base = format!("http://{}/auth/callback", running.address);
    let state = callback.split("state=").nth(1).unwrap().split('&').next().unwrap();
    for (query, status) in [
        (format!("state={state}&code=forged"), StatusCode::BAD_GATEWAY),
        (format!("state={state}"), StatusCode::BAD_GATEWAY),
        (
            format!("state={state}&error=access_denied&error_description=%3Cscript%3E"),
            StatusCode::BAD_REQUEST,
        ),
        (format!("state={state}x&code=x"), StatusCode::BAD_REQUEST),
        (String::new(), StatusCode::BAD_REQUEST),
    ] {
        let answer = ada.get(&format!("{base}?{query}")).await;
        assert_eq!(answer.status(), status, "{query}");
        assert!(!answer.text().await.unwrap().contains("<script>"));
    }
    // None of that used up the login.
    assert_eq!(ada.get(&callback).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_provider_that_is_away_stops_nothing_but_logins() {
    let database = Database::new().await;
    let (running, provider) = set_up(&database, "ada@example.org", true, false).await;
    drop(provider);
    let answer = Browser::default().get(&format!("http://{}/auth/login", running.address)).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(running.status("/api/workspaces").await, StatusCode::OK);
    let told = running.ask(Method::GET, "/api/settings").send().await.unwrap();
    assert_eq!(told.json::<Value>().await.unwrap(), json!({"oidc": true, "token": true}));
}
