import Foundation
import TestSupport

/// The documents of the repository, which the tests hold to what they say.
enum Documents {
    /// Paths from the repository's folder: its own documents and those of all folders with sources, tests or files
    /// that are brought along. What was built or downloaded lies elsewhere.
    ///
    /// In the order of a reader who tries what stands there: goals and recordings that one document makes are used by
    /// the next.
    static let all: [String] = {
        let root = Fixture.packageRoot.path
        let top = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let folders = ["launch", "calibration", "Sources", "Tests"].flatMap { folder in
            (FileManager.default.enumerator(atPath: root + "/" + folder)?.compactMap { $0 as? String } ?? []).map {
                folder + "/" + $0
            }
        }
        let found = (top + folders).filter { $0.hasSuffix(".md") }
        let first = ["README.md", "launch/README.md", "calibration/README.md"]
        return first + found.filter { !first.contains($0) }.sorted()
    }()
}
