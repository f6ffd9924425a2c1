import OctoModel

/// Makes token ids of texts; the program puts the checkpoint's tokenizer behind it.
package struct TaskTokenizer: Sendable {
    /// Path of the vocabulary's file, for errors.
    package var path: String
    /// Number of ids: they run from 0 to below this.
    package var vocabularySize: Int
    /// Ids and mask of a text, padded or cut to a length; a failure is told in words.
    package var encode: @Sendable (_ text: String, _ length: Int) -> Result<TokenizedText, TaskTextError>

    package init(
        path: String, vocabularySize: Int,
        encode: @escaping @Sendable (_ text: String, _ length: Int) -> Result<TokenizedText, TaskTextError>
    ) {
        self.path = path
        self.vocabularySize = vocabularySize
        self.encode = encode
    }
}

/// Whether the policy can read a task that is a sentence.
package struct TaskTextReading: Sendable {
    /// What can be read of sentences.
    private enum Ability: Sendable {
        case noLanguage
        case noTokenizer(expectedAt: String)
        case tokenizer(TaskTokenizer, length: Int)
    }
    private let ability: Ability

    /// Decides whether texts can be read for a checkpoint.
    /// - Parameters:
    ///   - tokenizer: the tokenizer; nil when nobody gave one.
    ///   - expectedAt: path of the file that would have been taken.
    /// - Throws: `.vocabularyTooLarge` when the tokenizer is not the checkpoint's.
    package init(
        of model: ModelDescription, tokenizer: TaskTokenizer?, expectedAt: String
    ) throws(TaskTextError) {
        guard let length = model.textLength, let vocabulary = model.textVocabulary else {
            ability = .noLanguage
            return
        }
        guard let tokenizer else {
            ability = .noTokenizer(expectedAt: expectedAt)
            return
        }
        guard tokenizer.vocabularySize <= vocabulary else {
            throw .vocabularyTooLarge(path: tokenizer.path, ids: tokenizer.vocabularySize, checkpoint: vocabulary)
        }
        ability = .tokenizer(tokenizer, length: length)
    }

    /// The reading of a checkpoint that takes texts, whose tokenizer nobody gave.
    /// - Parameter path: path of the file that would have been taken.
    package init(withoutTokenizerAt path: String) { ability = .noTokenizer(expectedAt: path) }

    /// The reading of a checkpoint that takes texts of `length` tokens.
    package init(_ tokenizer: TaskTokenizer, length: Int) { ability = .tokenizer(tokenizer, length: length) }

    /// Whether the checkpoint takes texts at all.
    package var hasLanguage: Bool { if case .noLanguage = ability { false } else { true } }
    /// The tokenizer's file and the number of tokens of a text; nil without one.
    package var tokenizer: (path: String, vocabularySize: Int, length: Int)? {
        guard case .tokenizer(let tokenizer, let length) = ability else { return nil }
        return (tokenizer.path, tokenizer.vocabularySize, length)
    }
    /// Path at which a tokenizer would have been taken; nil where none is missing.
    package var missingTokenizer: String? { if case .noTokenizer(let path) = ability { path } else { nil } }

    private init(_ ability: Ability) { self.ability = ability }

    /// The reading of a checkpoint that takes goal images only.
    package static let none = TaskTextReading(.noLanguage)

    /// Token ids that the network takes for a text.
    /// - Throws: `TaskTextError` that says why it cannot be read.
    package func tokens(of text: String) throws(TaskTextError) -> TokenizedText {
        switch ability {
        case .noLanguage: throw .noLanguage(text: text)
        case .noTokenizer(let path): throw .noTokenizer(text: text, expectedAt: path)
        case .tokenizer(let tokenizer, let length): return try tokenizer.encode(text, length).get()
        }
    }
}

/// Why a task's text cannot be used.
package enum TaskTextError: Error, Equatable, Sendable {
    case noLanguage(text: String)
    case noTokenizer(text: String, expectedAt: String)
    case vocabularyTooLarge(path: String, ids: Int, checkpoint: Int)
    /// The tokenizer failed; `problem` is in its own words.
    case notTokenized(problem: String)
}

extension TaskTextError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noLanguage(let text):
            "reading the goal's text \"\(Self.shortened(text))\": this checkpoint takes no text, expected goal images. "
                + "Take goal.text out of the manifest and give a goal image, or set policy.checkpoint to one that "
                + "takes text."
        case .noTokenizer(let text, let path):
            "reading the goal's text \"\(Self.shortened(text))\": found no tokenizer, expected the sentencepiece "
                + "model of the checkpoint's T5, which is no part of a checkpoint. Set policy.tokenizer to that "
                + "spiece.model, or put it at \(path)."
        case .vocabularyTooLarge(let path, let ids, let checkpoint):
            "fitting the text tokenizer to the checkpoint: \(path) makes ids up to \(ids - 1), the checkpoint knows "
                + "those up to \(checkpoint - 1). Set policy.tokenizer to the spiece.model of the checkpoint's T5."
        case .notTokenized(let problem): problem
        }
    }

    private static func shortened(_ text: String) -> String {
        let scalars = text.unicodeScalars
        return scalars.count <= 60 ? text : String(scalars.prefix(60)) + "…"
    }
}
