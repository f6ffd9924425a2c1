/// This software's name and version, as its programs and the files that they write tell them.
package enum OctoRuntime {
    /// Semantic versioning 2.0.0; CHANGELOG.md says what came with each.
    package static let version = "0.4.0"
    /// Name and version in one, for what says who wrote it.
    package static let writer = "octo-runtime " + version
}
