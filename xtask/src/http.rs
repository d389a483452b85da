//! The few lines of HTTP that the demo needs to set a shop up and to see that a page answers.
//! It speaks 1.0, so that a body ends with its connection, and knows loopback addresses alone.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// `base` is `http://127.0.0.1:8080`, `path` begins with a slash.
pub(crate) fn get(base: &str, path: &str) -> Result<Answer> {
    send(base, "GET", path, None, None)
}

/// Reads JSON with a secret; anything but 2xx is an error with its body.
pub(crate) fn read(base: &str, secret: &str, path: &str) -> Result<Value> {
    json("GET", path, send(base, "GET", path, Some(secret), None)?)
}

/// Sends JSON with a secret and gives back JSON; anything but 2xx is an error with its body.
pub(crate) fn call(
    base: &str,
    secret: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<Value> {
    json(method, path, send(base, method, path, Some(secret), Some(&body.to_string()))?)
}

fn json(method: &str, path: &str, answer: Answer) -> Result<Value> {
    if !(200..300).contains(&answer.status) {
        bail!("{method} {path} was answered {}: {}", answer.status, answer.body.trim());
    }
    if answer.body.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&answer.body).with_context(|| format!("{method} {path}: not JSON"))
}

fn send(
    base: &str,
    method: &str,
    path: &str,
    secret: Option<&str>,
    body: Option<&str>,
) -> Result<Answer> {
    let host = base.strip_prefix("http://").unwrap_or(base).trim_end_matches('/');
    let mut stream =
        TcpStream::connect(host).with_context(|| format!("nobody answers at {base}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut request = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\n");
    if let Some(secret) = secret {
        request += &format!("Authorization: Bearer {secret}\r\n");
    }
    if let Some(body) = body {
        request += "Content-Type: application/json\r\n";
        request += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    } else {
        request += "\r\n";
    }
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).with_context(|| format!("no answer from {base}{path}"))?;
    parse(&String::from_utf8_lossy(&bytes))
        .with_context(|| format!("{base}{path} does not speak HTTP"))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;

    fn answers_once(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            line
        });
        (base, server)
    }

    #[test]
    fn a_status_and_a_body_are_read() {
        let (base, server) = answers_once("HTTP/1.0 200 OK\r\nX: y\r\n\r\nhello");
        let answer = get(&base, "/shop/").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
        assert_eq!(server.join().unwrap(), "GET /shop/ HTTP/1.0\r\n");
    }

    #[test]
    fn a_refusal_is_an_error_with_its_reason() {
        let (base, server) = answers_once("HTTP/1.1 409 Conflict\r\n\r\n{\"code\":\"taken\"}");
        let error = call(&base, "osa_x", "PUT", "/v1/shop", &Value::Null).unwrap_err();
        assert!(error.to_string().contains("409") && error.to_string().contains("taken"));
        server.join().unwrap();
    }
}
