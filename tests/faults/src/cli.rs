//! The command line: `faults --upstream http://127.0.0.1:4566 [--port 4600] [--seed 1] [--rules rules.json]`.

use std::collections::HashMap;
use std::error::Error;

use crate::Proxy;

/// Runs a proxy as the command line of this process says, until it is interrupted.
pub async fn run() -> Result<(), Box<dyn Error>> {
    let options = parse_options(std::env::args().skip(1))?;
    let number = |name: &str| options.get(name).map_or(Ok(0), |text| text.parse::<u64>());
    let proxy = Proxy::start(u16::try_from(number("port")?)?, number("seed")?).await?;
    proxy.forward_to(options.get("upstream").ok_or("--upstream says where calls go: http://127.0.0.1:4566")?);
    if let Some(file) = options.get("rules") {
        let rules = std::fs::read(file).map_err(|error| format!("{file} cannot be read: {error}"))?;
        proxy.set_rules_json(&rules).map_err(|error| format!("{file} does not hold fault rules: {error}"))?;
    }
    #[allow(clippy::print_stderr)] // the address is the only output of this process
    {
        eprintln!("listening on {0}; rules and counts at {0}/_faults", proxy.url());
    }
    Ok(tokio::signal::ctrl_c().await?)
}

fn parse_options(mut words: impl Iterator<Item = String>) -> Result<HashMap<String, String>, String> {
    let mut options = HashMap::new();
    while let Some(word) = words.next() {
        let name = word.strip_prefix("--").filter(|name| ["upstream", "port", "seed", "rules"].contains(name));
        let name = name.ok_or_else(|| format!("{word} is not known: --upstream, --port, --seed, --rules"))?;
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        options.insert(name.to_owned(), value);
    }
    Ok(options)
}
