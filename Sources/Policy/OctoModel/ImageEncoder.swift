/// Turns stacked images into tokens: a convolutional stem or a residual network, as in `vit_encoders.py` of the
/// official code, commit 241fb35.
package struct ImageEncoder: Sendable {
    enum Body: Sendable {
        case stem(ConvolutionalStem)
        case residual(ResidualNetwork)
    }
    let body: Body
    let normalization: ModelConfiguration.ImageEncoder.Normalization

    /// Encodes the stack of some images.
    /// - Parameters:
    ///   - images: pixels of each image, `[height, width, 3]`, in the order of the channels.
    ///   - condition: vector that FiLM layers read, for an encoder that has them.
    ///   - recordLayer: takes the index of a layer of the stem, and its output's shape and numbers before the ReLU,
    ///     `[height, width, features]`.
    /// - Returns: `[tokens, features]`, tokens row by row.
    package func callAsFunction(
        _ images: [ArraySlice<UInt8>], height: Int, width: Int, condition: [Float] = [],
        recordLayer: (_ index: Int, _ shape: [Int], _ output: [Float]) -> Void = { _, _, _ in }
    ) -> [Float] {
        let stacked = FeatureMap(
            values: Self.stack(images, pixels: height * width, normalization), height: height, width: width)
        switch body {
        case .stem(let stem): return stem(stacked, condition: condition, recordLayer: recordLayer)
        case .residual(let network): return network(stacked, condition: condition).values
        }
    }

    /// Puts images behind each other on the channel axis and normalises: `[pixels, 3 × images]`.
    private static func stack(
        _ images: [ArraySlice<UInt8>], pixels: Int, _ normalization: ModelConfiguration.ImageEncoder.Normalization
    ) -> [Float] {
        let channels = 3 * images.count
        // 256 values for each of R, G, B.
        let table = (0..<3).flatMap { channel in
            (0..<256).map { normalised(Float($0), channel: channel, normalization) }
        }
        return [Float](unsafeUninitializedCapacity: pixels * channels) { target, initialized in
            initialized = pixels * channels
            for (index, image) in images.enumerated() {
                precondition(image.count == pixels * 3, "an image of \(pixels) pixels")
                image.withUnsafeBufferPointer { image in
                    table.withUnsafeBufferPointer { table in
                        for pixel in 0..<pixels {
                            for channel in 0..<3 {
                                target[pixel * channels + 3 * index + channel] =
                                    table[channel * 256 + Int(image[pixel * 3 + channel])]
                            }
                        }
                    }
                }
            }
        }
    }

    private static func normalised(
        _ value: Float, channel: Int, _ normalization: ModelConfiguration.ImageEncoder.Normalization
    ) -> Float {
        switch normalization {
        case .standard: value / 127.5 - 1
        case .imageNet: (value / 255 - [0.485, 0.456, 0.406][channel]) / [0.229, 0.224, 0.225][channel]
        }
    }
}

/// Numbers at the pixels of an image or behind a convolution: `[height, width, channels]`.
struct FeatureMap: Sendable {
    var values: [Float]
    var height: Int
    var width: Int
}

/// SmallStem (StdConv, GroupNorm, ReLU a few times, then a plain convolution) or PatchEncoder (that convolution alone).
struct ConvolutionalStem: Sendable {
    let layers: [(convolution: Convolution, norm: GroupNorm)]
    let embedding: Convolution
    /// Conditioning behind the embedding; nil without it.
    let film: FilmConditioning?

    /// Encodes a normalised image.
    /// - Returns: `[tokens, features]`
    func callAsFunction(
        _ image: FeatureMap, condition: [Float], recordLayer: (_ index: Int, _ shape: [Int], _ output: [Float]) -> Void
    ) -> [Float] {
        var x = image.values
        var (h, w) = (image.height, image.width)
        for (index, layer) in layers.enumerated() {
            let convolution = layer.convolution
            x = layer.norm(convolution(x, height: h, width: w))
            h = Convolution.outputSize(
                h, kernel: convolution.kernelSize, stride: convolution.stride, padding: convolution.padding)
            w = Convolution.outputSize(
                w, kernel: convolution.kernelSize, stride: convolution.stride, padding: convolution.padding)
            recordLayer(index, [h, w, layer.norm.scale.count], x)
            Activation.relu(&x)
        }
        x = embedding(x, height: h, width: w)
        film?.apply(to: &x, condition: condition)
        return x
    }
}

/// Scales and shifts features by what a vector of the task says (Perez et al. 2018; `FilmConditioning` of the official
/// code, whose names for the two layers are swapped).
package struct FilmConditioning: Sendable {
    let scale: Dense
    let shift: Dense

    /// `x (1 + scale(c)) + shift(c)`, the same for all pixels.
    /// - Parameters:
    ///   - x: `[pixels, features]`
    ///   - condition: c.
    package func apply(to x: inout [Float], condition: [Float]) {
        let (factors, offsets) = (scale(condition, rows: 1), shift(condition, rows: 1))
        let features = factors.count
        precondition(x.count % features == 0, "\(x.count) numbers are not pixels of \(features) features")
        x.withUnsafeMutableBufferPointer { x in
            for start in stride(from: 0, to: x.count, by: features) {
                for i in 0..<features { x[start + i] = x[start + i] * (1 + factors[i]) + offsets[i] }
            }
        }
    }
}
