import JSONTree

/// Why a checkpoint folder cannot be used.
package enum CheckpointError: Error, Equatable {
    /// The path given for the checkpoint is no folder.
    case notAFolder(path: String, found: String)
    /// A file that every checkpoint has is not there.
    case missingFile(path: String, role: String, hint: String)
    case unreadableFile(path: String, reason: String)
    /// The file is what git leaves in place of a large one that was not fetched.
    case gitLFSPointer(path: String, bytes: Int?)
    case notJSON(path: String, problem: JSONSyntaxError)
    /// The configuration cannot be followed: all that `config.json` asks for and this runtime cannot do, or cannot
    /// understand.
    case unusableConfiguration(path: String, problems: [JSONProblem])
    case unusableStatistics(path: String, found: String, expected: String)
    /// The example batch does not say what the network's input looks like.
    case unusableExample(path: String, found: String, expected: String)
    /// The checkpoint has no such step; `available` holds the steps there are, in ascending order.
    case noSuchStep(folder: String, wanted: Int?, available: [Int])
    /// The parameters were saved in a way that `save_pretrained` of the official code does not use.
    case foreignLayout(path: String, layout: ForeignLayout)
    /// The bytes end early or contradict themselves.
    case corruptFile(path: String, offset: Int, problem: String)
    /// The file lacks parameters that the configuration needs, or has them in another form.
    case unusableParameters(path: String, problems: [ParameterProblem])
    /// Parameters have NaN or infinity among their numbers; their names.
    case nonFiniteParameters(path: String, names: [String])
    /// A robot lacks cameras without which the network means nothing.
    case cannotLeaveOut([String], reason: String)
    case cannotMask([String], reason: String)
}

/// How others save parameters.
package enum ForeignLayout: Equatable, Sendable {
    /// A database of the newer orbax versions (`manifest.ocdbt`).
    case ocdbt
    /// One folder per parameter with a `.zarray` file.
    case zarr
    /// Nothing known lies there.
    case unknown(found: [String])
}

/// One parameter that is not there or not of the right form.
package struct ParameterProblem: Equatable, Sendable, CustomStringConvertible {
    /// What the file has in the parameter's place.
    package enum Found: Equatable, Sendable {
        case nothing
        case shape([Int])
        case elementType(String)
    }
    /// Names joined with `/`, as in the parameter tree.
    package var parameter: String
    package var found: Found
    package var expected: [Int]

    package init(parameter: String, found: Found, expected: [Int]) {
        self.parameter = parameter
        self.found = found
        self.expected = expected
    }

    package var description: String {
        switch found {
        case .nothing: "'\(parameter)' is missing, expected shape \(expected)"
        case .shape(let shape): "'\(parameter)' has shape \(shape), expected \(expected)"
        case .elementType(let name): "'\(parameter)' holds \(name), expected float32, float16 or bfloat16"
        }
    }
}

extension CheckpointError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notAFolder(let path, let found):
            "opening the checkpoint '\(path)': found \(found), expected the folder that save_pretrained of the "
                + "official code wrote. Give that folder as the checkpoint."
        case .missingFile(let path, let role, let hint):
            "opening the checkpoint: found no file '\(path)', expected \(role). \(hint)"
        case .unreadableFile(let path, let reason):
            "reading '\(path)': \(reason); expected a readable file. Check its permissions and that it was copied "
                + "whole."
        case .gitLFSPointer(let path, let bytes):
            "reading '\(path)': found a Git LFS pointer, expected the file "
                + "itself\(bytes.map { " of \($0) bytes" } ?? ""). Run 'git lfs install' and 'git lfs pull' where it "
                + "was cloned, or download the folder with 'hf download'."
        case .notJSON(let path, let problem):
            "reading '\(path)': \(problem); expected the JSON text of a checkpoint. Copy the file again from where the "
                + "checkpoint came from."
        case .unusableConfiguration(let path, let problems):
            "reading '\(path)': \(Self.list(problems)). Use a checkpoint whose model is made of these parts, or mend "
                + "the file if it was edited."
        case .unusableStatistics(let path, let found, let expected):
            "reading '\(path)': found \(found), expected \(expected). Name a data set the checkpoint has statistics "
                + "of, or copy the file again."
        case .unusableExample(let path, let found, let expected):
            "reading '\(path)': found \(found), expected \(expected). Copy the file again, or save the model again "
                + "with save_pretrained and an example batch."
        case .noSuchStep(let folder, let wanted, let available):
            "choosing the training step in '\(folder)': found "
                + (available.isEmpty
                    ? "no step"
                    : "the step\(available.count > 1 ? "s" : "") \(available.map(String.init).joined(separator: ", "))")
                + ", expected \(wanted.map { "step \($0)" } ?? "a folder with a number as its name"). "
                + (available.isEmpty
                    ? "Copy the checkpoint again, whole." : "Ask for one of these, or for none to get the last.")
        case .foreignLayout(let path, let layout):
            "opening the parameters in '\(path)': found \(layout), expected one file 'checkpoint' that holds all of "
                + "them. Load the model with the official code and save it again with save_pretrained."
        case .corruptFile(let path, let offset, let problem):
            "reading '\(path)': at byte \(offset) \(problem). The file is damaged or not whole: copy it again."
        case .unusableParameters(let path, let problems):
            "reading '\(path)': \(Self.list(problems)). The parameters belong to another configuration: take "
                + "config.json and parameters from the same checkpoint."
        case .nonFiniteParameters(let path, let names):
            "reading '\(path)': found NaN or infinity in \(Self.list(names.map { "'\($0)'" })); expected finite "
                + "numbers. The training diverged, or the file is damaged: take an earlier step, or copy it again."
        case .cannotLeaveOut(let keys, let reason):
            "fitting the checkpoint to the robot: found no \(keys.map { "'\($0)'" }.joined(separator: ", ")), which "
                + "cannot be left out: \(reason). Add a camera of that name."
        case .cannotMask(let keys, let reason):
            "fitting the checkpoint to the robot: \(keys.map { "'\($0)'" }.joined(separator: ", ")) cannot be masked: "
                + "\(reason). Take the camera out of policy.cameras: the arm then holds while it is away."
        }
    }

    /// The first few; a checkpoint of another size has hundreds.
    private static func list(_ problems: [some CustomStringConvertible]) -> String {
        let shown = problems.prefix(6).map(\.description).joined(separator: "; ")
        return problems.count > 6 ? shown + "; and \(problems.count - 6) more" : shown
    }
}

extension ForeignLayout: CustomStringConvertible {
    package var description: String {
        switch self {
        case .ocdbt: "the OCDBT layout (manifest.ocdbt, as newer orbax versions write it)"
        case .zarr: "the per-parameter zarr layout (one folder with a .zarray file for each parameter)"
        case .unknown(let found) where found.isEmpty: "nothing"
        case .unknown(let found): "only \(found.prefix(8).map { "'\($0)'" }.joined(separator: ", "))"
        }
    }
}
