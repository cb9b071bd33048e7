//! What to try next, while the server keeps running.

use super::host::Host;
use super::package::{PACKAGE, SIBLING, build};
use super::stage::Stage;
use super::story::HOST;

/// Builds a fixed version and says what to try next.
///
/// # Errors
/// The reason, for people.
pub async fn tell(stage: &mut Stage) -> Result<(), String> {
    stage.telling.begin("What to try next");
    stage.telling.say("A fixed version is built, but not yet uploaded.");
    build(stage, "3.0").await?;
    let text = text(stage);
    stage.telling.say(&text);
    Ok(())
}

fn text(stage: &Stage) -> String {
    let Host(host) = HOST;
    let (root, port, local) = (stage.place.root(), stage.port, stage.local_port);
    let architecture = &stage.architecture;
    let end = match stage.place.is_temporary() {
        true => "Ctrl-C stops the server and removes the directory.",
        false => "Ctrl-C stops the server; the directory is kept.",
    };
    format!(
        "
The server goes on at https://127.0.0.1:{port}/. In another terminal, be its operator:

  export REPOCTL_CONFIG={root}/data/operator/config.toml
  cargo run --release --bin repoctl -- status
  cargo run --release --bin repoctl -- host list

While the pin stands the fixed version waits; after the unpin it is live:

  cargo run --release --bin repoctl -- upload --suite stable \\
    {root}/build/{PACKAGE}_3.0_{architecture}.deb \\
    {root}/build/{SIBLING}_3.0_{architecture}.deb
  cargo run --release --bin repoctl -- unpin --suite stable {PACKAGE} -m 'fixed in 3.0'

Be the host, with the real apt-get over its private root:

  export APT_CONFIG={root}/{host}/apt.conf
  apt-get update && apt-get -y upgrade
  apt-cache policy {PACKAGE}

The data directory is {root}/data, its configuration data/repod.toml.
Health of the server: curl http://127.0.0.1:{local}/healthz
{end}"
    )
}
