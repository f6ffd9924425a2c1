import Foundation
import OctoModel
import TextTokenizer

extension TaskTextReading {
    /// The vocabulary lies at `path`, or beside the checkpoint's own files.
    /// - Throws: `TextTokenizerError`, `TaskTextError`.
    package init(ofCheckpoint folder: String, _ model: ModelDescription, tokenizerAt path: String?) throws {
        let usual = folder + "/spiece.model"
        var tokenizer: TaskTokenizer?
        if model.textLength != nil, path != nil || FileManager.default.fileExists(atPath: usual) {
            tokenizer = try TaskTokenizer(modelFile: path ?? usual)
        }
        try self.init(of: model, tokenizer: tokenizer, expectedAt: usual)
    }
}

extension TaskTextReading {
    /// The reading of a checkpoint that another machine has loaded.
    /// - Parameters:
    ///   - model: bytes of a sentencepiece model.
    ///   - path: name of the model in errors.
    ///   - length: number of token ids of a text, at least 1.
    /// - Throws: `TextTokenizerError` for bytes that are no model of T5.
    package init(model: [UInt8], path: String, length: Int) throws(TextTokenizerError) {
        precondition(length >= 1, "a text has an end, and that takes one token")
        self.init(TaskTokenizer(try TextTokenizer(model: model, path: path), path: path), length: length)
    }
}

extension TaskTokenizer {
    fileprivate init(modelFile path: String) throws {
        self.init(try TextTokenizer(modelFile: path), path: path)
    }

    fileprivate init(_ tokenizer: TextTokenizer, path: String) {
        self.init(path: path, vocabularySize: tokenizer.vocabularySize) { text, length in
            do throws(TextTokenizerError) {
                let (ids, attentionMask) = try tokenizer.encode(text, length: length)
                return .success(TokenizedText(ids: ids, attentionMask: attentionMask))
            } catch {
                return .failure(.notTokenized(problem: error.description))
            }
        }
    }
}
