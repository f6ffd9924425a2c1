/// Compares a network with one inference of the official code that was recorded into a safetensors file: every layer
/// the file holds, and the chunk.
package struct CaseVerification: Equatable, Sendable {
    /// What computed a tensor.
    package enum Path: String, CaseIterable, Sendable {
        /// `OctoNetwork`: every layer.
        case plain
        /// `FastNetwork`: the newest timestep's readout, and what the head makes of it.
        case fast
    }
    /// How one tensor compares with the recorded one.
    package struct Row: Equatable, Sendable {
        package var path: Path
        package var tensor: String
        package var largestAbsoluteError: Float
        /// Largest error as a share of the recorded magnitude, at least 1e-3, of the numbers that are not tiny.
        package var largestRelativeError: Float
        /// Largest absolute error that passes; 0 means bit for bit. nil: only reported, as reduced precision has no
        /// bound that would hold for every checkpoint.
        package var tolerance: Float?
        /// Words for what does not fit when the shapes differ.
        package var problem: String?

        package var passed: Bool {
            problem == nil && (tolerance.map { largestAbsoluteError <= $0 } ?? largestAbsoluteError.isFinite)
        }
    }

    /// The tensors that were compared, in the order of the file.
    package var rows: [Row]
    /// Tensors of the file that this verification knows nothing of: they were not compared.
    package var unknownTensors: [String]

    package var passed: Bool { rows.allSatisfy(\.passed) }
}

/// Why a case cannot be verified at all.
package enum VerificationError: Error, Equatable {
    case unreadable(SafetensorsError)
    case notThisNetwork(InferenceError)
    case unusableInput(file: String, tensor: String, found: String, expected: String)
    case nothingToCompare(file: String)
}

extension VerificationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable(let error): "\(error)"
        case .notThisNetwork(let error):
            "\(error) The case was recorded with another checkpoint: give the one that lies beside it."
        case .unusableInput(let file, let tensor, let found, let expected):
            "reading the case '\(file)': '\(tensor)' is \(found), expected \(expected). Record it with a checkpoint of "
                + "the kind this runtime supports."
        case .nothingToCompare(let file):
            "reading the case '\(file)': found no recorded output, expected tensors like 'out.readout'. Give the "
                + "io.safetensors of a recorded inference."
        }
    }
}

extension CaseVerification {
    /// Largest absolute errors, in float32: the official code differs from itself by up to 2e-4 in the chunk between
    /// its compiled and plain form, as the first denoising step multiplies by 31.6; a plain implementation comes to
    /// 6e-6 in tokens, 2e-6 in readouts and 3e-4 in actions.
    static let tokenTolerance: Float = 1e-4
    static let actionTolerance: Float = 2e-3
    /// Constants come from the same few float operations.
    private static let constantTolerance: Float = 1e-5

    /// Runs the network on a case's inputs with its recorded noise, and compares.
    package init(of network: OctoNetwork, on file: SafetensorsFile) throws(VerificationError) {
        let inputs = try CaseInputs(file, network.configuration)
        let recorder = ActivationRecorder()
        let chunk: [Float]
        do throws(InferenceError) {
            chunk = try Self.run(network, inputs, recorder)
        } catch {
            throw .notThisNetwork(error)
        }
        let expected = Self.expectations(network, inputs, recorder, chunk: chunk)
        rows = []
        unknownTensors = []
        for name in file.names where !CaseInputs.isInput(name) {
            guard let result = expected(name) else {
                unknownTensors.append(name)
                continue
            }
            do throws(SafetensorsError) {
                rows.append(try Self.compare(name, result, with: file))
            } catch {
                throw .unreadable(error)
            }
        }
        unknownTensors += inputs.unknown
        if rows.isEmpty { throw .nothingToCompare(file: file.file) }
    }

    /// The head runs on every timestep, as the official code's does, though only the last one's chunk is used.
    private static func run(
        _ network: OctoNetwork, _ inputs: CaseInputs, _ recorder: ActivationRecorder
    ) throws(InferenceError) -> [Float] {
        let task = try network.prepare(inputs.task, keepsMaskedText: true)
        guard let newest = inputs.noise.last else {
            throw .wrongTimestepCount(0, maximum: network.description.maximumHorizon)
        }
        let chunk = try network.infer(
            inputs.observation, task: task, noise: newest, embodimentDimension: inputs.embodimentDimension,
            recorder: recorder)
        for (t, input) in network.headInputs(inputs.observation, task: task, recorder: nil).enumerated() {
            let step = ActivationRecorder()
            try network.check(inputs.noise[t])
            _ = try network.head(
                input.tokens, mask: input.mask, noise: inputs.noise[t],
                embodimentDimension: try network.embodimentDimension(inputs.embodimentDimension), recorder: step)
            for (name, activation) in step.activations {
                recorder.record("\(name).\(t)", activation.shape, activation.values)
            }
        }
        return chunk
    }

    struct Result {
        var shape: [Int]
        var values: [Float]
        var tolerance: Float?
    }

    /// What the network has to say about a tensor of the file; nil if nothing.
    private static func expectations(
        _ network: OctoNetwork, _ inputs: CaseInputs, _ recorder: ActivationRecorder, chunk: [Float]
    ) -> (String) -> Result? {
        let all = recorder.activations
        let T = inputs.observation.timestepPadMask.count
        let (D, layout) = (network.description.tokenEmbeddingSize, network.makeLayout(timesteps: T))
        let head = network.configuration.head
        var diffusion: DiffusionHead?
        if case .diffusion(let decoder) = network.head.decoder { diffusion = decoder }
        func constant(_ values: [Float]) -> Result {
            Result(shape: [values.count], values: values, tolerance: constantTolerance)
        }
        return { name in
            switch name {
            case "attention_mask_bits":
                guard let mask = all["attention_mask"] else { return nil }
                return packedBits(mask)
            case "const.betas": return diffusion.map { constant($0.schedule.betas) }
            case "const.alphas": return diffusion.map { constant($0.schedule.alphas) }
            case "const.alpha_hats": return diffusion.map { constant($0.schedule.alphaHats) }
            case "out.readout":
                return all[name].map { Result(shape: [1] + $0.shape, values: $0.values, tolerance: tokenTolerance) }
            case "out.transformer_last_step_mean":
                guard let x = all["transformer"] else { return nil }
                return lastStepMean(x, layout.range(ofTimestep: T - 1), D)
            case "out.denoise.time_features":
                guard let diffusion else { return nil }
                // The file lists the steps as they are done: the largest t first.
                let steps = diffusion.configuration.steps
                return Result(
                    shape: [steps, diffusion.configuration.timeDimension],
                    values: (0..<steps).reversed().flatMap { diffusion.score.timeFeatures($0) },
                    tolerance: tokenTolerance)
            case "out.denoise.eps", "out.denoise.x":
                if diffusion == nil { return nil }
                let perTimestep = (0..<T).compactMap { all["\(name).\($0)"]?.values }
                return interleaved(perTimestep, steps: head.diffusionSteps, size: head.chunkSize)
            case "out.head.all_steps":
                let perTimestep = (0..<T).compactMap { all["out.head.actions.\($0)"]?.values }
                if perTimestep.isEmpty { return nil }
                return Result(
                    shape: [1, T, head.actionHorizon, head.actionDimension], values: perTimestep.flatMap { $0 },
                    tolerance: tokenTolerance)
            case "out.head.logits":
                return all[name].map { Result(shape: [1] + $0.shape, values: $0.values, tolerance: tokenTolerance) }
            case "out.action_normalized", "out.action": return action(name, head, inputs, chunk: chunk)
            case _ where name.hasPrefix("tok.") || name.hasPrefix("group."):
                guard let x = all[name] else { return nil }
                return Result(
                    shape: [1] + x.shape, values: x.values, tolerance: name.hasSuffix(".mask") ? 0 : tokenTolerance)
            case _ where name.hasPrefix("block.") && name.hasSuffix(".last16"):
                guard let x = all[String(name.dropLast(".last16".count))] else { return nil }
                return last16(x, layout, D)
            case _ where name.hasPrefix("stem."): return stem(name, all)
            default: return nil
            }
        }
    }

    /// The chunk, normalised or in the robot's units.
    static func action(
        _ name: String, _ head: ModelConfiguration.ActionHead, _ inputs: CaseInputs, chunk: [Float]
    ) -> Result? {
        // Only denoising makes errors larger than they are in the readout.
        let tolerance = head.diffusionSteps > 0 ? actionTolerance : tokenTolerance
        if name == "out.action_normalized" {
            return Result(shape: [1, head.actionHorizon, head.actionDimension], values: chunk, tolerance: tolerance)
        }
        guard let statistics = inputs.statistics,
            let values = statistics.unnormalise(chunk, actionDimension: head.actionDimension)
        else { return nil }
        let scale = zip(statistics.std, statistics.mask).reduce(Float(1)) { $1.1 ? max($0, $1.0) : $0 }
        return Result(
            shape: [1, head.actionHorizon, statistics.dimension], values: values, tolerance: tolerance * scale)
    }

    // MARK: - Forms in which the file holds activations

    /// `[N, N]` to `[N, ceil(N/8)]`, most significant bit first.
    private static func packedBits(_ mask: ActivationRecorder.Activation) -> Result {
        let n = mask.shape[0]
        let rowBytes = (n + 7) / 8
        var bytes = [Float](repeating: 0, count: n * rowBytes)
        for row in 0..<n {
            for column in 0..<n where mask.values[row * n + column] != 0 {
                bytes[row * rowBytes + column / 8] += Float(1 << (7 - column % 8))
            }
        }
        return Result(shape: [n, rowBytes], values: bytes, tolerance: 0)
    }

    /// The last 16 tokens of each timestep; fewer if a timestep has fewer.
    private static func last16(_ x: ActivationRecorder.Activation, _ layout: TokenLayout, _ D: Int) -> Result {
        let n = min(16, layout.timestepCount)
        let values = (0..<layout.timesteps).flatMap { t in
            let end = layout.range(ofTimestep: t).upperBound
            return x.values[(end - n) * D..<end * D]
        }
        return Result(shape: [1, layout.timesteps, n, D], values: values, tolerance: tokenTolerance)
    }

    private static func lastStepMean(_ x: ActivationRecorder.Activation, _ range: Range<Int>, _ D: Int) -> Result {
        let values = (0..<D).map { d in
            Float(range.reduce(0.0) { $0 + Double(x.values[$1 * D + d]) } / Double(range.count))
        }
        return Result(shape: [1, D], values: values, tolerance: tokenTolerance)
    }

    /// One `[steps, size]` per timestep to `[steps, 1, T, size]`.
    private static func interleaved(_ timesteps: [[Float]], steps: Int, size: Int) -> Result {
        var values: [Float] = []
        for step in 0..<steps {
            for timestep in timesteps { values += timestep[step * size..<(step + 1) * size] }
        }
        return Result(shape: [steps, 1, timesteps.count, size], values: values, tolerance: actionTolerance)
    }

    /// `stem.<tokenizer>.GroupNorm_<i>.channel_mean` and `.corner`, from the whole feature map `[T, h, w, C]`.
    private static func stem(_ name: String, _ all: [String: ActivationRecorder.Activation]) -> Result? {
        guard let dot = name.lastIndex(of: "."), let x = all[String(name[..<dot])] else { return nil }
        let (T, h, w, C) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
        switch name[dot...] {
        case ".channel_mean":
            var means = [Double](repeating: 0, count: T * C)
            for (index, value) in x.values.enumerated() { means[index / (h * w * C) * C + index % C] += Double(value) }
            return Result(shape: [T, C], values: means.map { Float($0 / Double(h * w)) }, tolerance: tokenTolerance)
        case ".corner":
            let (rows, columns) = (min(3, h), min(3, w))
            var values: [Float] = []
            for t in 0..<T {
                for y in 0..<rows {
                    let start = (t * h + y) * w * C
                    values += x.values[start..<start + columns * C]
                }
            }
            return Result(shape: [T, rows, columns, C], values: values, tolerance: tokenTolerance)
        default: return nil
        }
    }

    // MARK: - Comparing

    /// Compares a result with the recorded tensor of its name.
    /// - Parameter newestOf: number of recorded timesteps, of which only the last is compared, `[1, T, …]`; nil
    ///   compares all.
    static func compare(
        _ name: String, _ result: Result, with file: SafetensorsFile, path: Path = .plain, newestOf: Int? = nil
    ) throws(SafetensorsError) -> Row {
        var row = Row(
            path: path, tensor: name, largestAbsoluteError: .infinity, largestRelativeError: .infinity,
            tolerance: result.tolerance)
        let shape = try file.shape(name)
        var expected = result.shape
        if let newestOf { expected.insert(newestOf, at: 1) }
        guard shape == expected else {
            row.problem = "recorded shape \(shape), ours \(expected)"
            return row
        }
        let recorded: [Float] =
            switch file[name]?.elementType {
            case "U8", "BOOL": try file.uint8(name).map { Float($0) }
            default: try file.floats(name)
            }
        (row.largestAbsoluteError, row.largestRelativeError) = (0, 0)
        for (ours, theirs) in zip(result.values, recorded.suffix(result.values.count)) {
            // A NaN on either side must not slip through a comparison.
            let difference = ours == theirs ? 0 : abs(ours - theirs)
            let (absolute, relative) = (difference, difference / max(abs(theirs), 1e-3))
            row.largestAbsoluteError = difference.isNaN ? .infinity : max(row.largestAbsoluteError, absolute)
            row.largestRelativeError = difference.isNaN ? .infinity : max(row.largestRelativeError, relative)
        }
        return row
    }
}
