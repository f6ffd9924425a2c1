/// Whether an observation is what a network was trained to see. Made once: the check itself allocates nothing.
struct ObservationCheck: Sendable {
    private struct Image: Sendable {
        let key: String
        let height: Int
        let width: Int
    }
    private struct Numbers: Sendable {
        let key: String
        let dimension: Int
    }
    private let images: [Image]
    private let numbers: [Numbers]
    private let imageKeys: Set<String>
    private let numberKeys: Set<String>
    private let maximumHorizon: Int

    init(_ configuration: ModelConfiguration) {
        images = configuration.imageTokenizers.flatMap { tokenizer in
            tokenizer.observationKeys.map { Image(key: $0, height: tokenizer.height, width: tokenizer.width) }
        }
        numbers = configuration.lowdimTokenizers.flatMap(\.keys).map { Numbers(key: $0.name, dimension: $0.dimension) }
        imageKeys = Set(images.map(\.key))
        numberKeys = Set(numbers.map(\.key))
        maximumHorizon = configuration.maximumHorizon
    }

    func callAsFunction(_ observation: ObservationInput) throws(InferenceError) {
        let T = observation.timestepPadMask.count
        guard (1...maximumHorizon).contains(T) else { throw .wrongTimestepCount(T, maximum: maximumHorizon) }
        for image in images {
            guard let pixels = observation.images[image.key] else {
                throw .missingCamera(key: image.key, given: observation.images.keys.sorted())
            }
            guard pixels.count == T * image.height * image.width * 3 else {
                throw .wrongImageSize(
                    key: image.key, bytes: pixels.count, expected: [T, image.height, image.width, 3])
            }
        }
        for numbers in numbers {
            guard let given = observation.lowdim[numbers.key] else {
                throw .missingNumbers(key: numbers.key, given: observation.lowdim.keys.sorted())
            }
            guard given.count == T * numbers.dimension else {
                throw .wrongNumberCount(key: numbers.key, count: given.count, expected: [T, numbers.dimension])
            }
            for number in given where !number.isFinite { throw .notFinite(key: numbers.key) }
        }
        try checkKeys(observation)
        for (key, mask) in observation.padMasks where mask.count != T || !isKnown(key) {
            throw .wrongPadMask(key: key, count: mask.count, timesteps: T)
        }
    }

    private func checkKeys(_ observation: ObservationInput) throws(InferenceError) {
        for key in observation.images.keys where !imageKeys.contains(key) {
            throw .unexpectedCamera(key: key, known: imageKeys.sorted())
        }
        for key in observation.lowdim.keys where !numberKeys.contains(key) {
            throw .unexpectedNumbers(key: key, known: numberKeys.sorted())
        }
    }

    private func isKnown(_ key: String) -> Bool { imageKeys.contains(key) || numberKeys.contains(key) }
}
