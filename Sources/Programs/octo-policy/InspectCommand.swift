import ArgumentParser
import Foundation
import JSONTree
import NodeShell
import OctoModel
import Policy

/// Says what a checkpoint is, and what loading it costs.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Describe a checkpoint: cameras, sizes, action head, data sets.",
        discussion: "Exit codes: 0, or 2 when the checkpoint cannot be used.")

    @Argument(help: "The checkpoint's folder.")
    var checkpoint: String

    @Option(name: .long, help: "Take this training step of the checkpoint; the last by default.")
    var step: Int?

    @OptionGroup var json: JSONFlag

    func run() throws {
        let opened = try Checkpoint(folder: checkpoint, step: step)
        let load = try LoadFigures(opened)
        let model = opened.description
        print(
            json.isWanted
                ? model.json(step: opened.step, load, Conventions.lines(of: opened)).text(indented: true)
                : model.text(step: opened.step) + "\n" + load.text + "\n\nConventions\n"
                    + Conventions.lines(of: opened).map { "  \($0.name.padded(to: 12))\($0.words)" }.joined(
                        separator: "\n"))
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}

extension ModelDescription {
    fileprivate func text(step: Int) -> String {
        var lines = ["step            \(step)"]
        for camera in cameras {
            lines.append(
                "camera          \(camera.name) (\(camera.key)): \(camera.width)x\(camera.height)"
                    + (camera.fusesGoal ? ", goal image fused" : ", no goal image"))
        }
        for key in lowdimKeys { lines.append("numbers         \(key.name): \(key.dimension) per timestep") }
        for vector in taskVectors { lines.append("numbers         \(vector.key): \(vector.count) per task") }
        for tokenizer in tokenizers {
            let unit = tokenizer.kind == .observation ? "per timestep" : "per task"
            lines.append(
                "tokenizer       \(tokenizer.name) (\(tokenizer.kind.rawValue)): \(tokenizer.encoder), "
                    + "\(tokenizer.tokens) tokens \(unit)")
        }
        if !skippedTokenizers.isEmpty { lines.append("without input   \(skippedTokenizers.joined(separator: ", "))") }
        lines += [
            "window          \(windowSize) timesteps, at most \(maximumHorizon)",
            "transformer     \(layers) layers, width \(tokenEmbeddingSize), \(attentionHeads) heads, mlp \(mlpSize), "
                + "\(sequenceLength) tokens",
            "attention       \(usesCorrectAttention ? "correct groups" : "groups as in models of December 2023")"
                + (repeatsTaskTokens ? ", task tokens repeated in each timestep" : ""),
            "head            \(headName) of \(headSource)" + (diffusionSteps > 0 ? ", \(diffusionSteps) steps" : "")
                + (usesAttentionPooling ? ", attention pooling" : ""),
            "actions         \(actionHorizon) steps of \(actionDimension) numbers",
            "text            "
                + (hasLanguage
                    ? "tokenizer \(textTokenizer ?? "not named"), \(textVocabulary ?? 0) ids; its spiece.model is no "
                        + "part of a checkpoint" : "none"),
            "data sets       \(datasets.isEmpty ? "one, without a name" : datasets.joined(separator: ", "))",
            "parameters      \(parameterCount), \(parameterCountWithoutT5) without T5",
        ]
        if !ignoredParameters.isEmpty {
            let shown = ignoredParameters.prefix(8).joined(separator: ", ")
            let more = ignoredParameters.count > 8 ? " and \(ignoredParameters.count - 8) more" : ""
            lines.append("ignored         \(ignoredParameters.count) parameters nothing belongs to: \(shown)\(more)")
        }
        return lines.joined(separator: "\n")
    }

    fileprivate func json(step: Int, _ load: LoadFigures, _ conventions: [(name: String, words: String)]) -> JSONNode {
        let cameraList = cameras.map { camera in
            JSONNode.object([
                "name": JSONNode(camera.name), "key": JSONNode(camera.key), "width": JSONNode(camera.width),
                "height": JSONNode(camera.height), "fuses_goal": JSONNode(.bool(camera.fusesGoal)),
            ])
        }
        let tokenizerList = tokenizers.map { tokenizer in
            JSONNode.object([
                "name": JSONNode(tokenizer.name), "kind": JSONNode(tokenizer.kind.rawValue),
                "encoder": JSONNode(tokenizer.encoder), "tokens": JSONNode(tokenizer.tokens),
            ])
        }
        let numberList = lowdimKeys.map { key in
            JSONNode.object(["key": JSONNode(key.name), "dimension": JSONNode(key.dimension)])
        }
        let taskNumberList = taskVectors.map { vector in
            JSONNode.object(["key": JSONNode(vector.key), "count": JSONNode(vector.count)])
        }
        return .object([
            "step": JSONNode(step), "cameras": JSONNode(.array(cameraList)), "numbers": JSONNode(.array(numberList)),
            "task_numbers": JSONNode(.array(taskNumberList)),
            "tokenizers": JSONNode(.array(tokenizerList)),
            "skipped_tokenizers": JSONNode(.array(skippedTokenizers.map { JSONNode($0) })),
            "window_size": JSONNode(windowSize), "max_horizon": JSONNode(maximumHorizon), "layers": JSONNode(layers),
            "token_embedding_size": JSONNode(tokenEmbeddingSize), "attention_heads": JSONNode(attentionHeads),
            "mlp_size": JSONNode(mlpSize), "sequence_length": JSONNode(sequenceLength),
            "use_correct_attention": JSONNode(.bool(usesCorrectAttention)),
            "repeat_task_tokens": JSONNode(.bool(repeatsTaskTokens)), "head": JSONNode(headName),
            "head_reads": JSONNode(headSource),
            "use_map": JSONNode(.bool(usesAttentionPooling)), "diffusion_steps": JSONNode(diffusionSteps),
            "action_horizon": JSONNode(actionHorizon), "action_dim": JSONNode(actionDimension),
            "has_language": JSONNode(.bool(hasLanguage)), "text_tokenizer": textTokenizer.map { JSONNode($0) } ?? nil,
            "text_vocabulary": textVocabulary.map { JSONNode($0) } ?? nil,
            "datasets": JSONNode(.array(datasets.map { JSONNode($0) })), "parameters": JSONNode(parameterCount),
            "parameters_without_t5": JSONNode(parameterCountWithoutT5),
            "ignored_parameters": JSONNode(.array(ignoredParameters.map { JSONNode($0) })), "load": load.json,
            "conventions": JSONNode(.object(conventions.map { .init(key: $0.name, value: JSONNode($0.words)) })),
        ])
    }
}
