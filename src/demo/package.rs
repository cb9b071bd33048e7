//! The packages that the build job makes, with the machine's own dpkg-deb.

use super::stage::Stage;

/// The package that people ask for.
pub const PACKAGE: &str = "acme-web";
/// Its sibling, built from the same source, which must always have the same version.
pub const SIBLING: &str = "acme-web-data";

/// Builds both packages of one version and returns the paths of the files.
///
/// # Errors
/// The reason, for people.
pub async fn build(stage: &mut Stage, version: &str) -> Result<[String; 2], String> {
    let sibling = format!("Depends: {SIBLING} (= {version})\n");
    let package = build_one(stage, PACKAGE, version, &sibling).await?;
    Ok([package, build_one(stage, SIBLING, version, "").await?])
}

async fn build_one(
    stage: &mut Stage,
    name: &str,
    version: &str,
    relations: &str,
) -> Result<String, String> {
    let architecture = stage.architecture.clone();
    let tree = format!("build/{name}-{version}");
    let shared = format!("{tree}/usr/share/{name}");
    for directory in [tree.clone(), format!("{tree}/DEBIAN"), shared.clone()] {
        stage.place.make_directory(&directory)?;
    }
    let control = format!(
        "Package: {name}\nSource: {PACKAGE}\nVersion: {version}\nArchitecture: {architecture}\n\
         Maintainer: Acme <build@acme.example>\n{relations}Description: shows a rollback\n"
    );
    stage.place.write(&format!("{tree}/DEBIAN/control"), &control)?;
    stage.place.write(&format!("{shared}/version"), &format!("{version}\n"))?;
    let (from, to) = (stage.place.at(&tree), stage.place.at("build"));
    // All files belong to root in the package, whoever builds it.
    stage.run("dpkg-deb", &["--root-owner-group", "--build", &from, &to], &[]).await?;
    Ok(stage.place.at(&format!("build/{name}_{version}_{architecture}.deb")))
}
