//! Certificates that are no good, and those of a private authority.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::support::{Daemon, Ran, Receiver, Site};

const CONFIG: &str = "[auth_scheme_configs.ok]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n";

/// A site whose sandbox is behind TLS.
struct Secured {
    site: Site,
    port: u16,
    /// Dropped with the server, which ends it.
    _stop: oneshot::Sender<()>,
}

/// A certificate for `name`, signed by an authority of which only this test knows.
fn secured(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Secured {
    let site = Site::new();
    let sandbox = site.sandbox.address();
    secured_before(sandbox, site, name, change)
}

/// The same before another server than the sandbox.
fn secured_before(server: SocketAddr, site: Site, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Secured {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    fs::write(site.path("ca.pem"), authority.pem()).unwrap();
    site.file("a.toml", CONFIG);
    let chain = vec![certificate.der().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let (port, stop) = serve(TlsAcceptor::from(Arc::new(config)), server);
    Secured { site, port, _stop: stop }
}

/// Takes TLS off what comes, and hands it on.
fn serve(acceptor: TlsAcceptor, server: SocketAddr) -> (u16, oneshot::Sender<()>) {
    let (ready, address) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
            ready.send(listener.local_addr().unwrap().port()).unwrap();
            let accept = async {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        // A client that does not like the certificate goes away.
                        let Ok(mut outside) = acceptor.accept(stream).await else { return };
                        let mut inside = TcpStream::connect(server).await.unwrap();
                        let _ = copy_bidirectional(&mut outside, &mut inside).await;
                    });
                }
            };
            tokio::select! {
                () = accept => {}
                _ = stopped => {}
            }
        });
    });
    (address.recv().unwrap(), stop)
}

impl Secured {
    fn apply(&self, more: &str) -> Ran {
        let who = format!("token = {{ env = \"SITE_TOKEN\" }}\n{more}");
        self.site.settings_as(&format!("https://localhost:{}/api", self.port), "", &who);
        self.site.versync(&["apply", "--yes"])
    }

    fn assert_refused(&self, more: &str, why: &str) {
        let ran = self.apply(more);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(why), "{}", ran.err);
        assert!(self.site.sandbox.requests().is_empty(), "not even the token was sent");
    }
}

const CA: &str = "ca_certificate = \"ca.pem\"";

#[test]
fn a_private_authority_is_trusted_where_the_settings_say_so() {
    let secured = secured("localhost", |_| {});
    let ran = secured.apply(CA);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(secured.site.writes().len(), 1);
}

#[test]
fn a_certificate_that_is_no_good_is_refused_with_the_reason() {
    secured("localhost", |_| {}).assert_refused("", "UnknownIssuer");
    secured("elsewhere.example", |_| {}).assert_refused(CA, "not valid for name \"localhost\"");
    let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2020, 1, 1);
    secured("localhost", expired).assert_refused(CA, "expired");
    let early = |params: &mut CertificateParams| params.not_before = date_time_ymd(4000, 1, 1);
    secured("localhost", early).assert_refused(CA, "not valid yet");
}

#[test]
fn an_authority_that_cannot_be_read_is_a_clear_error() {
    let secured = secured("localhost", |_| {});
    secured.assert_refused("ca_certificate = \"nowhere.pem\"", "nowhere.pem cannot be read");
    fs::write(secured.site.path("empty.pem"), "no certificate\n").unwrap();
    secured.assert_refused("ca_certificate = \"empty.pem\"", "empty.pem holds no certificate in PEM form");
    secured.assert_refused("ca_certificat = \"ca.pem\"", "did you mean");
}

#[test]
fn a_machine_without_any_authorities_needs_none_for_itself() {
    let site = Site::new();
    site.file("a.toml", CONFIG);
    let without = |site: &Site| {
        let mut command = site.command(&["apply", "--yes"]);
        Ran::of(command.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", site.path("none")).output().unwrap())
    };
    let ran = without(&site);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    site.settings_for("https://localhost:1/api", "state = \"other\"");
    let ran = without(&site);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("the package ca-certificates"), "{}", ran.err);
}

#[test]
fn nobody_is_told_over_a_connection_that_is_not_trusted() {
    let receiver = Receiver::start();
    let site = Site::new();
    let (address, path) = receiver.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let secured = secured_before(address.parse().unwrap(), site, "localhost", |_| {});
    let site = &secured.site;
    site.settings_as(
        &site.sandbox.base_url(),
        "sync.interval = \"50ms\"",
        "token = { env = \"SITE_TOKEN\" }\n[[notify]]\nurl = { env = \"HOOK\" }",
    );
    site.file("broken.toml", "[");
    let run = |authorities: &str| {
        let mut command = site.command(&["run"]);
        command.env("HOOK", format!("https://localhost:{}/{path}", secured.port));
        command.env("SSL_CERT_FILE", site.path(authorities));
        Daemon::start(command)
    };
    fs::write(
        site.path("other.pem"),
        rcgen::generate_simple_self_signed(vec!["x.example".to_owned()]).unwrap().cert.pem(),
    )
    .unwrap();
    let said = run("other.pem").await_said("a notification to { env = \"HOOK\" } is not delivered yet");
    assert!(said["message"].as_str().unwrap().contains("invalid peer certificate"), "{said}");
    assert!(receiver.seen().is_empty());
    let daemon = run("ca.pem");
    receiver.await_notices(1);
    drop(daemon);
}
