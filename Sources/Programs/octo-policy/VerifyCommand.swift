import ArgumentParser
import Foundation
import JSONTree
import NodeShell
import OctoModel

/// Compares the network with a recorded inference of the official code.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Compare the network with a recorded inference of the official code.",
        discussion: """
            Compares every layer of the plain path, then what the fast path has of them: the newest timestep's \
            readout, what the head made of it, and the actions. Cameras of which the case has no pictures are left \
            out, as the official code does. A reduced --precision is for the fast path; its errors are reported and do \
            not fail. Exit codes: 0 all within tolerance, 1 something beyond it, 2 the input cannot be used.
            """)

    @Option(name: .long, help: "Read this checkpoint folder.")
    var checkpoint: String

    @Option(name: .long, help: "Take this training step of the checkpoint; the last by default.")
    var step: Int?

    @Option(name: .customLong("case"), help: "Take recorded inputs and outputs from this file (io.safetensors).")
    var caseFile: String

    @Option(
        name: .long,
        help: "Compare one path only: \(CaseVerification.Path.allCases.map(\.rawValue).joined(separator: ", ")).")
    var path: CaseVerification.Path?

    @Option(
        name: .long,
        help: "Run the fast path in \(NetworkPrecision.allCases.map(\.rawValue).joined(separator: ", ")).")
    var precision = NetworkPrecision.float32

    @OptionGroup var json: JSONFlag

    func validate() throws {
        if path == .plain && precision != .float32 {
            throw ValidationError(
                "--precision is \(precision.rawValue), the plain path knows float32 only: leave out --path plain.")
        }
    }

    func run() throws {
        let file = try SafetensorsFile(path: caseFile)
        let verification = try compare(Checkpoint(folder: checkpoint, step: step).observing(file), file)
        print(json.isWanted ? verification.json.text(indented: true) : verification.table)
        if !verification.passed { throw ExitCode.failure }
    }

    private func compare(_ checkpoint: Checkpoint, _ file: SafetensorsFile) throws -> CaseVerification {
        let plain = path == .fast ? nil : try CaseVerification(of: OctoNetwork(checkpoint), on: file)
        if path == .plain, let plain { return plain }
        let team = try WorkerTeam(threads: ProcessInfo.processInfo.activeProcessorCount)
        let network = try FastNetwork(checkpoint, precision: precision, team: team)
        let fast = try CaseVerification(of: network, on: file)
        return plain?.joined(with: fast) ?? fast
    }
}

extension CaseVerification.Path: ExpressibleByArgument {}

extension CaseVerification {
    fileprivate var table: String {
        let width = rows.map(\.tensor.count).max() ?? 0
        func cell(_ number: Float) -> String { String(format: "%10.2e", number) }
        let title = "path  " + "tensor".padding(toLength: width, withPad: " ", startingAt: 0)
        var lines = ["\(title)   absolute   relative  tolerance"]
        for row in rows {
            let name = row.tensor.padding(toLength: width, withPad: " ", startingAt: 0)
            let path = row.path.rawValue.padding(toLength: 5, withPad: " ", startingAt: 0)
            let tolerance = row.tolerance.map(cell) ?? "      none"
            let passes = row.tolerance == nil ? "reported only: reduced precision" : "pass"
            let verdict = row.problem.map { "FAIL  \($0)" } ?? (row.passed ? passes : "FAIL")
            lines.append(
                "\(path) \(name) \(cell(row.largestAbsoluteError)) \(cell(row.largestRelativeError)) \(tolerance)  "
                    + "\(verdict)"
            )
        }
        for name in unknownTensors { lines.append("\(name): NOT COMPARED, this version does not know the tensor") }
        let failures = rows.filter { !$0.passed }.count
        lines.append(
            "\(rows.count) tensors compared, \(failures) beyond tolerance, \(unknownTensors.count) not compared "
                + "(OpenBLAS \(BLAS.coreName))")
        return lines.joined(separator: "\n")
    }

    fileprivate var json: JSONNode {
        let list = rows.map { row in
            JSONNode.object([
                "path": JSONNode(row.path.rawValue), "tensor": JSONNode(row.tensor),
                "largest_absolute_error": JSONNode(number: Double(row.largestAbsoluteError)),
                "largest_relative_error": JSONNode(number: Double(row.largestRelativeError)),
                "tolerance": row.tolerance.map { JSONNode(number: Double($0)) } ?? nil,
                "passed": JSONNode(.bool(row.passed)),
                "problem": row.problem.map { JSONNode($0) } ?? nil,
            ])
        }
        return .object([
            "passed": JSONNode(.bool(passed)), "rows": JSONNode(.array(list)),
            "not_compared": JSONNode(.array(unknownTensors.map { JSONNode($0) })), "blas_core": JSONNode(BLAS.coreName),
        ])
    }
}
