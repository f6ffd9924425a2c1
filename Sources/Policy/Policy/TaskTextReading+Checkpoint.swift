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

extension TaskTokenizer {
    fileprivate init(modelFile path: String) throws {
        let tokenizer = try TextTokenizer(modelFile: path)
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
