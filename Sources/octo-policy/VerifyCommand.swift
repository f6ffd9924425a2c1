import ArgumentParser
import Foundation
import JSONTree
import OctoModel

/// Compares every layer with a recorded inference of the official code.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Compare the network with a recorded inference of the official code, layer by layer.",
        discussion: "Exit codes: 0 all within tolerance, 1 something beyond it, 2 the input cannot be used.")

    @Option(name: .long, help: "Checkpoint folder.")
    var checkpoint: String

    @Option(name: .long, help: "The checkpoint's training step; the last by default.")
    var step: Int?

    @Option(name: .customLong("case"), help: "Recorded inputs and outputs (io.safetensors).")
    var caseFile: String

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    func run() throws {
        let verification: CaseVerification
        do {
            let network = try OctoNetwork(Checkpoint(folder: checkpoint, step: step))
            verification = try CaseVerification(of: network, on: SafetensorsFile(path: caseFile))
        } catch {
            FileHandle.standardError.write(Data("octo-policy verify: \(error)\n".utf8))
            throw ExitCode(2)
        }
        print(json ? verification.json.text(indented: true) : verification.table)
        if !verification.passed { throw ExitCode(1) }
    }
}

extension CaseVerification {
    fileprivate var table: String {
        let width = rows.map(\.tensor.count).max() ?? 0
        func cell(_ number: Float) -> String { String(format: "%10.2e", number) }
        var lines = ["tensor".padding(toLength: width, withPad: " ", startingAt: 0) + "   absolute   relative  tolerance"]
        for row in rows {
            let name = row.tensor.padding(toLength: width, withPad: " ", startingAt: 0)
            let verdict = row.problem.map { "FAIL  \($0)" } ?? (row.passed ? "pass" : "FAIL")
            lines.append(
                "\(name) \(cell(row.largestAbsoluteError)) \(cell(row.largestRelativeError)) \(cell(row.tolerance))  \(verdict)")
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
                "tensor": JSONNode(row.tensor), "largest_absolute_error": JSONNode(number: Double(row.largestAbsoluteError)),
                "largest_relative_error": JSONNode(number: Double(row.largestRelativeError)),
                "tolerance": JSONNode(number: Double(row.tolerance)), "passed": JSONNode(.bool(row.passed)),
                "problem": row.problem.map { JSONNode($0) } ?? nil,
            ])
        }
        return .object([
            "passed": JSONNode(.bool(passed)), "rows": JSONNode(.array(list)),
            "not_compared": JSONNode(.array(unknownTensors.map { JSONNode($0) })), "blas_core": JSONNode(BLAS.coreName),
        ])
    }
}
