import CSentencePiece
import Foundation

/// Makes token ids of a text as the official code does: a sentencepiece model with T5's conventions.
///
/// Source: `HFTokenizer` of the official code, commit 241fb35, over the T5 tokenizer of transformers 4.35.2. Where that
/// one has two implementations which differ (text beside special tokens, trailing spaces) this is the one that asks
/// sentencepiece itself.
package final class TextTokenizer: Sendable {
    package static let padID: Int32 = 0
    package static let eosID: Int32 = 1
    private static let unknownID: Int32 = 2
    /// `<extra_id_0>` ... `<extra_id_99>`, which T5 puts behind the model's pieces.
    package static let sentinelCount = 100
    /// The released vocabulary has 0.8 MB; a wrong path must not fill the memory.
    private static let fileSizeLimit = 64 << 20

    /// Never changed after `init`, freed by `deinit`; sentencepiece's Encode is const and safe for several threads.
    private nonisolated(unsafe) let model: OpaquePointer
    private let pieceCount: Int

    /// Number of ids, which run from 0: pieces, then sentinels.
    package var vocabularySize: Int { pieceCount + Self.sentinelCount }

    /// Reads the vocabulary that T5's tokenizer calls `spiece.model`.
    /// - Throws: `TextTokenizerError`, naming the file.
    package convenience init(modelFile path: String) throws(TextTokenizerError) {
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard FileManager.default.fileExists(atPath: target) else { throw .missing(path: path) }
        // A pipe that nobody writes to would hold us for ever.
        let type = (try? FileManager.default.attributesOfItem(atPath: target))?[.type] as? FileAttributeType
        guard type == .typeRegular, let file = FileHandle(forReadingAtPath: target) else {
            throw .unreadable(path: path, problem: "no file that can be read")
        }
        let content: Data
        do {
            content = try file.read(upToCount: Self.fileSizeLimit + 1) ?? Data()
        } catch {
            throw .unreadable(path: path, problem: "no file that can be read (\(error.localizedDescription))")
        }
        guard content.count <= Self.fileSizeLimit else {
            throw .unreadable(path: path, problem: "a file of more than \(Self.fileSizeLimit >> 20) MiB")
        }
        try self.init(model: Array(content), path: path)
    }

    /// Loads a sentencepiece model.
    /// - Parameters:
    ///   - bytes: a serialized sentencepiece model.
    ///   - path: name of the model in errors.
    package init(model bytes: [UInt8], path: String) throws(TextTokenizerError) {
        do throws(SentencePieceDamage) {
            try SentencePieceFile.check(bytes)
        } catch {
            throw .notAModel(path: path, problem: error.description)
        }
        var problem = [CChar](repeating: 0, count: 256)
        guard let model = octo_sentencepiece_load(bytes, bytes.count, &problem, problem.count) else {
            let text = problem.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw .notAModel(path: path, problem: String(decoding: text, as: UTF8.self))
        }
        let ids = [
            octo_sentencepiece_pad_id(model), octo_sentencepiece_eos_id(model), octo_sentencepiece_unk_id(model),
        ]
        guard ids == [Self.padID, Self.eosID, Self.unknownID] else {
            octo_sentencepiece_free(model)
            throw .notT5(path: path, specialIDs: ids)
        }
        self.model = model
        pieceCount = Int(octo_sentencepiece_piece_count(model))
    }

    deinit { octo_sentencepiece_free(model) }

    /// The ids of a text with the end of text behind them, however many they are.
    /// - Throws: `.failed` when sentencepiece does.
    package func ids(of text: String) throws(TextTokenizerError) -> [Int32] {
        var ids: [Int32] = []
        for part in SpecialTokens.split(Array(text.utf8)) {
            switch part {
            case .text(let bytes): ids += try pieces(of: bytes)
            case .special(.endOfText): ids.append(Self.eosID)
            case .special(.padding): ids.append(Self.padID)
            case .special(.unknown): ids.append(Self.unknownID)
            case .special(.sentinel(let number)): ids.append(Int32(vocabularySize - 1 - number))
            }
        }
        return ids + [Self.eosID]
    }

    /// Encodes a text for the network.
    /// - Parameter length: token ids in all, the end of text among them; at least 1.
    /// - Returns: `[length]` ids, padded with 0, and `[length]` true for ids that are no padding.
    /// - Throws: `.failed` when sentencepiece does.
    package func encode(
        _ text: String, length: Int = 16
    ) throws(TextTokenizerError) -> (ids: [Int32], attentionMask: [Bool]) {
        precondition(length >= 1, "a text has an end, and that takes one token")
        let kept = try ids(of: text).dropLast().prefix(length - 1) + [Self.eosID]
        let padding = length - kept.count
        return (
            Array(kept) + [Int32](repeating: Self.padID, count: padding),
            [Bool](repeating: true, count: kept.count) + [Bool](repeating: false, count: padding)
        )
    }

    private func pieces(of bytes: ArraySlice<UInt8>) throws(TextTokenizerError) -> [Int32] {
        var found: UnsafeMutablePointer<Int32>?
        let count = bytes.withUnsafeBytes { text in
            octo_sentencepiece_encode(model, text.bindMemory(to: CChar.self).baseAddress, text.count, &found)
        }
        defer { free(found) }
        guard count >= 0 else { throw .failed(bytes: bytes.count) }
        return Array(UnsafeBufferPointer(start: found, count: count))
    }
}

/// Why there are no token ids.
package enum TextTokenizerError: Error, Equatable, Sendable {
    case missing(path: String)
    case unreadable(path: String, problem: String)
    case notAModel(path: String, problem: String)
    /// The model has not T5's conventions; `specialIDs` are those of padding, end of text and unknown.
    case notT5(path: String, specialIDs: [Int32])
    case failed(bytes: Int)
}

extension TextTokenizerError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let path):
            "reading the text tokenizer: nothing is at \(path), expected a sentencepiece model. Correct "
                + "policy.tokenizer."
        case .unreadable(let path, let problem):
            "reading the text tokenizer: \(path) is \(problem), expected a sentencepiece model. Set policy.tokenizer "
                + "to the spiece.model of the checkpoint's T5."
        case .notAModel(let path, let problem):
            "reading the text tokenizer: \(path) is no whole sentencepiece model (\(problem)). Copy it again, or set "
                + "policy.tokenizer to the spiece.model of the checkpoint's T5."
        case .notT5(let path, let ids):
            "reading the text tokenizer: in \(path) padding, end of text and unknown have the ids \(ids), T5 has "
                + "[0, 1, 2]. Set policy.tokenizer to the spiece.model of the checkpoint's T5."
        case .failed(let bytes):
            "tokenizing a text of \(bytes) bytes: sentencepiece failed, expected token ids. Give a shorter text."
        }
    }
}
