extension FastNetwork {
    /// One inference among several.
    package struct Run {
        package let network: FastNetwork
        package let observation: ObservationInput
        package let task: FastTask
        package let noise: DiffusionNoise
        package let embodimentDimension: Int?

        /// Says what `FastNetwork.infer` would be given.
        package init(
            network: FastNetwork, observation: ObservationInput, task: FastTask, noise: DiffusionNoise,
            embodimentDimension: Int? = nil
        ) {
            self.network = network
            self.observation = observation
            self.task = task
            self.noise = noise
            self.embodimentDimension = embodimentDimension
        }
    }

    /// Runs several inferences in one pass: where networks share their weights these come out of memory once for all.
    ///
    /// Each result is bit for bit what `infer` alone gives. Runs of the same network, or of other weights, wait for a
    /// pass of their own.
    /// - Returns: for each run its chunk, `[actionHorizon, actionDimension]`, normalised, or why there is none; what
    ///   fails in one run leaves the others as they are.
    package static func infer(batch: [Run]) -> [Result<[Float], InferenceError>] {
        var results: [Int: Result<[Float], InferenceError>] = [:]
        var left = Array(batch.indices)
        while !left.isEmpty {
            var pass: [Int] = []
            for index in left {
                let network = batch[index].network
                let fits = pass.allSatisfy {
                    batch[$0].network !== network && batch[$0].network.sharesWeights(with: network)
                }
                if fits { pass.append(index) }
            }
            for (index, result) in zip(pass, inferTogether(pass.map { batch[$0] })) { results[index] = result }
            left.removeAll(where: pass.contains)
        }
        return batch.indices.compactMap { results[$0] }
    }

    /// One pass: networks that share their weights, each once.
    private static func inferTogether(_ runs: [Run]) -> [Result<[Float], InferenceError>] {
        if runs.count == 1 || runs.contains(where: { $0.network.isDelegating }) { return runs.map(inferAlone) }
        var results = runs.map { run in
            Result { () throws(InferenceError) in
                _ = try run.network.check(run.observation, task: run.task, noise: run.noise, run.embodimentDimension)
                return [Float]()
            }
        }
        let sound = runs.indices.filter { if case .success = results[$0] { true } else { false } }
        for index in sound {
            runs[index].network.begin(runs[index].task, timesteps: runs[index].observation.timestepPadMask.count)
        }
        // One timestep of each after the other; who has all of them waits for the rest.
        var going = sound
        while true {
            going = going.filter { runs[$0].network.beginTimestep(of: runs[$0].observation, isWhole: true) }
            if going.isEmpty { break }
            FastTransformer.run(going.map { runs[$0].network.transformer })
        }
        for (index, result) in zip(sound, act(sound.map { runs[$0] })) { results[index] = result }
        return results
    }

    private static func inferAlone(_ run: Run) -> Result<[Float], InferenceError> {
        Result { () throws(InferenceError) in
            try run.network.infer(
                run.observation, task: run.task, noise: run.noise, embodimentDimension: run.embodimentDimension)
        }
    }

    /// The action head on what the transformers have left for it.
    private static func act(_ runs: [Run]) -> [Result<[Float], InferenceError>] {
        func dimension(_ run: Run) -> Int {
            run.embodimentDimension ?? run.network.configuration.head.actionDimension
        }
        guard let diffusion = runs.first?.network.diffusion else {
            return runs.map { run in
                Result { () throws(InferenceError) in
                    try run.network.actPlainly(noise: run.noise, embodimentDimension: dimension(run))
                }
            }
        }
        var results = runs.map { run in
            Result { () throws(InferenceError) in
                try run.network.pool()
                return [Float]()
            }
        }
        let sound = runs.indices.filter { if case .success = results[$0] { true } else { false } }
        diffusion.sample(count: sound.count) { row in
            let run = runs[sound[row]]
            return .init(
                embedding: run.network.embedding.pointer, noise: run.noise, embodimentDimension: dimension(run))
        } take: { row, chunk in
            let numbers = UnsafeBufferPointer(
                start: chunk, count: runs[sound[row]].network.configuration.head.chunkSize)
            results[sound[row]] = Result { () throws(InferenceError) in
                try ActionHead.checkFinite(numbers)
                return Array(numbers)
            }
        }
        return results
    }
}
