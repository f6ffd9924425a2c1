import ArgumentParser
import Evaluation
import Files
import Foundation
import Manifests
import NodeShell
import Simulation
import Time

/// Options that all evaluations share.
struct EvaluationOptions: ParsableArguments {
    @Option(help: "Use this robot's manifest, which needs a section \"simulation\".")
    var manifest = ShippedFile.path("launch/sim.json")

    @Option(help: "Run so many scenes.")
    var episodes = 20

    @Option(help: "Make the first scene from this seed; each further one has the next.")
    var seed: UInt64 = 0

    @Option(help: "Run this checkpoint folder in place of the manifest's.")
    var policy: String?

    @Flag(help: "Give the task as a sentence, too, to a checkpoint that reads language.")
    var text = false

    @Option(help: "Let inference take so many policy steps.")
    var delaySteps = 0.0

    @Option(help: "End an episode as failed after so many policy steps.")
    var maxSteps = 120

    @Option(name: .customLong("set"), help: "Put a value into the manifest: PATH=VALUE. May be repeated.")
    var overrides: [String] = []

    func validate() throws {
        if episodes < 1 { throw ValidationError("--episodes: found \(episodes), expected 1 or more.") }
        if maxSteps < 1 { throw ValidationError("--max-steps: found \(maxSteps), expected 1 or more.") }
        if !(0...100).contains(delaySteps) {
            throw ValidationError("--delay-steps: found \(delaySteps), expected 0 to 100.")
        }
    }
}

/// The parts of a list that the command line has with commas.
struct OptionList {
    let parts: [String]

    init(_ text: String) { parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }

    /// Reads each part as what it names.
    /// - Throws: `ValidationError` for a part that names nothing, and for one that comes twice; both name the option.
    func values<Value: Hashable>(of option: String, known: [String], _ make: (String) -> Value?) throws -> [Value] {
        var values: [Value] = []
        for part in parts {
            guard let value = make(part) else {
                throw ValidationError(
                    "\(option): found '\(part)', expected one or more of \(known.joined(separator: ", ")).")
            }
            if values.contains(value) {
                throw ValidationError("\(option): '\(part)' stands there twice. Give it once.")
            }
            values.append(value)
        }
        return values
    }
}

extension ManipulationTask.Kind {
    static func list(_ text: String) throws -> [Self] {
        try OptionList(text).values(of: "--task", known: allCases.map(\.rawValue)) { Self(rawValue: $0) }
    }
}

/// Writes a whole file; whoever reads it meanwhile finds the old one or the new one.
/// - Throws: `WorkFailure`.
func write(_ text: String, to path: String) throws { try working { try FileSystem.replace(path, with: text) } }

/// Why an evaluation cannot be made.
enum EvaluationError: Error, CustomStringConvertible {
    case noSimulation(String)
    case nothingRan(String)
    case inUse(String)
    case noPicture(folder: String, expected: [String])
    case noPolicy(String)

    var description: String {
        switch self {
        case .noSimulation(let path):
            "reading \(path): it has no section \"simulation\", expected a robot in the simulated world. Take "
                + "launch/sim.json."
        case .noPolicy(let path):
            "reading the checkpoint --policy \(path): nothing is there, expected a checkpoint's folder. Give another, "
                + "such as launch/policies/table."
        case .nothingRan(let reason): "evaluating: no episode could be run: \(reason)"
        case .inUse(let path):
            "going on with the results in \(path): another octo-eval writes them at present. Wait for it, or name "
                + "another file."
        case .noPicture(let folder, let expected):
            "reading goal images in \(folder): there is none of \(expected.joined(separator: ", ")), expected one or "
                + "more. 'octo-sim goal' writes such a folder."
        }
    }
}
