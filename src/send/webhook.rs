//! One request to a web server, and its answer. Redirects are not followed: an answer that points
//! elsewhere is an answer, and what it points to was not asked for by whoever wrote the job.
//!
//! Layer: shell

use super::{Sent, causes};
use crate::limits::{SEND_ANSWER_BYTES_MAX, SEND_CONNECT};
use std::io::Read;
use ureq::http::request::Builder;
use ureq::http::{HeaderValue, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Sends it, and waits for the answer as long as the step may run.
pub(super) fn send(
    method: &str,
    url: &str,
    headers: &[(String, String)],
    body: Option<String>,
    expect: &[(u16, u16)],
) -> Sent {
    let request = match request(method, url, headers) {
        Ok(request) => request,
        Err(why) => return Sent::not_sendable(&why),
    };
    let agent = agent(request.uri_ref().and_then(Uri::scheme_str) == Some("https"));
    // Without a length a server would have to wait for what may come.
    let body = body.or_else(|| matches!(method, "POST" | "PUT" | "PATCH").then(String::new));
    let answer = match body {
        Some(body) => request.body(body).map_err(ureq::Error::from).and_then(|request| agent.run(request)),
        None => request.body(()).map_err(ureq::Error::from).and_then(|request| agent.run(request)),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error @ (ureq::Error::Http(_) | ureq::Error::BadUri(_))) => return Sent::not_sendable(&causes(&error)),
        Err(error) => return Sent::not_reached(&causes(&error)),
    };
    let status = answer.status();
    let mut text = format!("{status}\n").into_bytes();
    let most = SEND_ANSWER_BYTES_MAX as u64;
    // The status has told what came of it; a body that breaks off changes nothing.
    let _ = answer.into_body().into_reader().take(most).read_to_end(&mut text);
    let code = status.as_u16();
    match expect.iter().any(|(from, to)| (*from..=*to).contains(&code)) {
        true => Sent::taken(text),
        false => Sent::refused(text, &format!("status {code} is not expected")),
    }
}

fn request(method: &str, url: &str, headers: &[(String, String)]) -> Result<Builder, String> {
    let uri: Uri = url.parse().map_err(|error| format!("its URL does not read: {error}"))?;
    // A server may take `..` for the directory above, and a value can be just that.
    if uri.path().split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err("its path has a segment of dots only".into());
    }
    let mut request = ureq::http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        let value = HeaderValue::from_bytes(value.as_bytes());
        request = request.header(name, value.map_err(|_| format!("the header `{name}` cannot have its value"))?);
    }
    Ok(request)
}

/// An agent for one request. A proxy is taken from the environment, as far as the step has it.
fn agent(secure: bool) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_resolve(Some(SEND_CONNECT))
        .timeout_connect(Some(SEND_CONNECT))
        .user_agent(concat!("wtor/", env!("CARGO_PKG_VERSION")));
    let config = if secure { config.tls_config(tls()) } else { config };
    config.build().into()
}

/// Trusts whom this machine trusts.
fn tls() -> TlsConfig {
    // It fails only if a provider is installed already, which will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificates = rustls_native_certs::load_native_certs().certs;
    let certificates = certificates.iter().map(|der| Certificate::from_der(der.as_ref()).to_owned());
    TlsConfig::builder().root_certs(RootCerts::from(certificates)).build()
}
