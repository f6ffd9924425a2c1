import Glibc
import JSONTree

/// Why a dataset folder could not be written or read.
package enum RLDSError: Error, Equatable, Sendable {
    /// A system call failed with `errno`; `step` says what was being done with the path.
    case file(path: String, step: String, errno: Int32)
    case exists(path: String)
    case otherWriter(path: String)
    /// A name of a dataset, a version or a split; `rule` says what it must look like.
    case name(String, of: String, rule: String)
    case noSuchSplit(String, known: [String])
    /// The first of the episode's problems is reported in full; their number with it.
    case episode(String, [RLDSEpisode.Problem])
    case noEpisodes(path: String)
    /// The writer has finished, or given up after an error.
    case closed(path: String)
    case notJSON(path: String, JSONSyntaxError)
    case description(path: String, RLDSJSONProblem)
    case shard(path: String, TFRecordError)
    case shardLength(path: String, found: Int, expected: Int)
    /// A record cannot be read; `record` is its place in the shard, from 0.
    case record(path: String, record: Int, TrainingExampleError)
    case notAnEpisode(path: String, record: Int, RLDSRecordProblem)
}

extension RLDSError {
    /// Whether a dataset cannot be written though all that goes into it is sound.
    package static func isOfOutput(_ error: any Error) -> Bool {
        if case .file? = error as? RLDSError { true } else { false }
    }
}

extension RLDSError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .file(let path, let step, let errno):
            "\(step) \(path): \(strerror(errno).map { String(cString: $0) } ?? "error \(errno)"). Check that the "
                + "folder is there, may be read and written by this user (ls -ld) and has space left (df)."
        case .exists(let path):
            "making a dataset in \(path): a finished one is there, expected none. Choose another name or version, or "
                + "say that it may be overwritten (--overwrite)."
        case .otherWriter(let path):
            "making a dataset in \(path): another program is writing one there, expected to be alone. Wait for it, or "
                + "choose another name or version."
        case .name(let name, let kind, let rule):
            "making a dataset: the \(kind) is '\(name)', expected \(rule). TFDS finds files by these names: choose "
                + "another."
        case .noSuchSplit(let split, let known):
            "looking for the split '\(split)': the dataset has "
                + "\(known.isEmpty ? "none" : known.joined(separator: ", ")), expected one of them. Correct the "
                + "split's name."
        case .episode(let name, let problems):
            "adding the episode '\(name)' to a dataset: \(problems.first.map(\.description) ?? "it does not fit"). "
                + (problems.count > 1 ? "\(problems.count - 1) more problems follow. " : "")
                + "Record it again, leave it out, or declare the dataset's features as the episode has them."
        case .noEpisodes(let path):
            "finishing the dataset in \(path): it has no episodes, expected at least one. Add an episode, or make no "
                + "dataset."
        case .closed(let path):
            "writing to the dataset in \(path): its writer has finished or failed before, expected one that is open. "
                + "Make a new writer."
        case .notJSON(let path, let error):
            "reading \(path): \(error). It must be JSON: copy the dataset again, or export it again."
        case .description(let path, let problem):
            "reading \(path): at \(problem.at) found \(problem.found), expected \(problem.expected). Only RLDS "
                + "episodes as TFDS 4.9 writes them can be read: convert the dataset, or choose another."
        case .shard(let path, let error):
            "in \(path), \(error)"
        case .shardLength(let path, let found, let expected):
            "reading \(path): it holds \(found) records, expected \(expected) as \(RLDSInfo.fileName) says. Files of "
                + "two datasets are mixed: copy the folder again, or export it again."
        case .record(let path, let record, let error):
            "in record \(record) of \(path), \(error)"
        case .notAnEpisode(let path, let record, let problem):
            "reading record \(record) of \(path): '\(problem.key)' has \(problem.found), expected "
                + "\(problem.expected). It does not fit \(RLDSInfo.featuresFileName): copy the folder again, or "
                + "export it again."
        }
    }
}
