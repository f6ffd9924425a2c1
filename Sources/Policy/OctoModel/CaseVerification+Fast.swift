extension CaseVerification {
    /// Runs the fast path on a case's inputs with its recorded noise, and compares what it has: the newest timestep's
    /// readout, what the head made of it, and the chunk. Everything else in the file is passed over.
    ///
    /// In reduced precision the errors are reported and none of them fails: how large they may be is for the arm's
    /// operator to say.
    package init(of network: FastNetwork, on file: SafetensorsFile) throws(VerificationError) {
        let inputs = try CaseInputs(file, network.configuration)
        let recorder = ActivationRecorder()
        let chunk: [Float]
        do throws(InferenceError) {
            guard let noise = inputs.noise.last else {
                throw .wrongTimestepCount(0, maximum: network.description.maximumHorizon)
            }
            chunk = try network.infer(
                inputs.observation, task: try network.prepare(inputs.task), noise: noise,
                embodimentDimension: inputs.embodimentDimension, recorder: recorder)
        } catch {
            throw .notThisNetwork(error)
        }
        let T = inputs.observation.timestepPadMask.count
        rows = []
        unknownTensors = []
        for name in file.names {
            let expected = Self.expectation(name, network.configuration.head, inputs, recorder, chunk)
            guard var result = expected?.result, let isNewest = expected?.isNewest else { continue }
            if network.precision != .float32 { result.tolerance = nil }
            do throws(SafetensorsError) {
                rows.append(try Self.compare(name, result, with: file, path: .fast, newestOf: isNewest ? T : nil))
            } catch {
                throw .unreadable(error)
            }
        }
        if rows.isEmpty { throw .nothingToCompare(file: file.file) }
    }

    /// What the fast path has to say about a tensor of the file, and whether the file holds it for every timestep; nil
    /// if nothing.
    private static func expectation(
        _ name: String, _ head: ModelConfiguration.ActionHead, _ inputs: CaseInputs, _ recorder: ActivationRecorder,
        _ chunk: [Float]
    ) -> (result: Result, isNewest: Bool)? {
        let all = recorder.activations
        switch name {
        case "out.readout":
            guard let readout = all[name], let T = readout.shape.first, T > 0 else { return nil }
            // A delegating network records all timesteps.
            let values = Array(readout.values.suffix(readout.values.count / T))
            return (Result(shape: [1] + readout.shape.dropFirst(), values: values, tolerance: tokenTolerance), true)
        case "out.head.all_steps":
            return all["out.head.actions"].map {
                (Result(shape: [1] + $0.shape, values: $0.values, tolerance: tokenTolerance), true)
            }
        case "out.head.logits":
            return all[name].map {
                (Result(shape: [1] + $0.shape, values: $0.values, tolerance: tokenTolerance), false)
            }
        case "out.action_normalized", "out.action":
            return action(name, head, inputs, chunk: chunk).map { ($0, false) }
        default: return nil
        }
    }

    /// Joins two comparisons of one case into one.
    package func joined(with other: CaseVerification) -> CaseVerification {
        var all = self
        all.rows += other.rows
        all.unknownTensors += other.unknownTensors.filter { !all.unknownTensors.contains($0) }
        return all
    }
}
