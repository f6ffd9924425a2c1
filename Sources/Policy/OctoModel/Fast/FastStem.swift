import CKernels

/// A convolutional image encoder without conditioning (`SmallStem`, `PatchEncoder`) and the projection behind it.
///
/// The first convolution is linear in its channels, so the goal's half of it is computed once for each goal and added
/// to the half of the frame.
final class FastStem {
    /// Tokens of one image.
    let tokens: Int
    private let team: WorkerTeam
    /// Observed images that are stacked.
    private let frames: Int
    private let goals: Int
    private let pixels: Int
    private let stages: [ConvolutionStage]
    private let goalStage: ConvolutionStage?
    private let projection: PackedDense
    private let normalization: ModelConfiguration.ImageEncoder.Normalization
    private let image: FloatBuffer
    private let goalImage: FloatBuffer
    /// Feature maps that the stages use in turns.
    private let maps: (FloatBuffer, FloatBuffer)
    private let scratch: AlignedMemory

    /// Packs the stem's weights for images of one size.
    /// - Parameters:
    ///   - frames: number of images of the observation that are stacked.
    ///   - goals: number of goal images that are stacked behind them.
    init(
        _ stem: ConvolutionalStem, normalization: ModelConfiguration.ImageEncoder.Normalization, projection: Dense,
        frames: Int, goals: Int, height: Int, width: Int, precision: octo_precision, team: WorkerTeam
    ) {
        self.team = team
        self.frames = frames
        self.goals = goals
        pixels = height * width
        self.normalization = normalization
        self.projection = PackedDense([projection], precision)

        let convolutions =
            stem.layers.map { (convolution: $0.convolution, norm: Optional($0.norm)) }
            + [(convolution: stem.embedding, norm: nil)]
        let first = convolutions[0].convolution
        let channels = 3 * (frames + goals)
        var (h, w) = (height, width)
        var stages: [ConvolutionStage] = []
        for (index, entry) in convolutions.enumerated() {
            // The first layer stays in float32: it has few products, and its input few digits to lose.
            let stage = ConvolutionStage(
                index == 0
                    ? first.slice(ofChannels: 0..<3 * frames, of: channels, keepsBias: goals == 0) : entry.convolution,
                norm: entry.norm, height: h, width: w, precision: index == 0 ? OCTO_FLOAT32 : precision)
            stages.append(stage)
            (h, w) = stage.outputSize
        }
        self.stages = stages
        tokens = h * w
        goalStage =
            goals == 0
            ? nil
            : ConvolutionStage(
                first.slice(ofChannels: 3 * frames..<channels, of: channels, keepsBias: true), norm: nil,
                height: height,
                width: width, precision: OCTO_FLOAT32)
        image = FloatBuffer(count: pixels * 3 * frames)
        goalImage = FloatBuffer(count: pixels * 3 * goals)
        let largest = stages.map(\.outputs).max() ?? 0
        maps = (FloatBuffer(count: largest), FloatBuffer(count: largest))
        scratch = AlignedMemory(
            byteCount: max(
                (stages + [goalStage].compactMap { $0 }).map { $0.scratchBytes(team) }.max() ?? 0,
                octo_dense_scratch_bytes(precision, Int32(tokens), Int32(projection.inputs))))
    }

    /// The goal's half of the first convolution; nil if the encoder sees no goal.
    /// - Parameter images: `[height, width, 3]` each, in the order of the channels.
    func goalHalf(_ images: [[UInt8]]) -> FloatBuffer? {
        guard let goalStage else { return nil }
        precondition(
            images.count == goals && images.allSatisfy { $0.count == pixels * 3 }, "goal images of the encoder")
        for (index, goal) in images.enumerated() {
            goal.withUnsafeBufferPointer { fill(goalImage, from: $0, image: index, of: goals) }
        }
        let half = FloatBuffer(count: goalStage.outputs)
        goalStage.run(team, goalImage.pointer, into: half.pointer, residual: nil, scratch: scratch)
        return half
    }

    /// Takes one of the images that are stacked.
    func setFrame(_ rgb: UnsafeBufferPointer<UInt8>, image index: Int) {
        fill(image, from: rgb, image: index, of: frames)
    }

    /// Turns the frames that were set into tokens.
    /// - Parameter target: `[tokens, D]`
    func encode(goalHalf: FloatBuffer?, into target: UnsafeMutablePointer<Float>, stride: Int) {
        var source = UnsafePointer(image.pointer)
        for (index, stage) in stages.enumerated() {
            let map = index % 2 == 0 ? maps.0.pointer : maps.1.pointer
            stage.run(team, source, into: map, residual: index == 0 ? goalHalf?.pointer : nil, scratch: scratch)
            source = UnsafePointer(map)
        }
        projection.apply(
            team, source, stride: projection.inputs, rows: tokens, into: target, stride: stride, scratch: scratch)
    }

    /// Normalises an image to its channels of a stack.
    private func fill(_ stack: FloatBuffer, from rgb: UnsafeBufferPointer<UInt8>, image index: Int, of images: Int) {
        precondition(rgb.count == pixels * 3, "an image of \(pixels) pixels")
        guard let source = rgb.baseAddress else { return }
        let (scale, shift) = normalization.factors
        let target = images == 1 ? stack.pointer : maps.0.pointer
        withUnsafePointer(to: scale) { scale in
            withUnsafePointer(to: shift) { shift in
                scale.withMemoryRebound(to: Float.self, capacity: 3) { scale in
                    shift.withMemoryRebound(to: Float.self, capacity: 3) { shift in
                        octo_image_to_float(source, Int32(pixels), scale, shift, target)
                    }
                }
            }
        }
        if images == 1 { return }
        for pixel in 0..<pixels {
            for channel in 0..<3 {
                stack.pointer[(pixel * images + index) * 3 + channel] = target[pixel * 3 + channel]
            }
        }
    }
}

extension ModelConfiguration.ImageEncoder.Normalization {
    /// `value * scale + shift` for R, G, B: `x / 127.5 - 1`, or ImageNet's mean and deviation.
    fileprivate var factors: (scale: (Float, Float, Float), shift: (Float, Float, Float)) {
        switch self {
        case .standard:
            return ((1 / 127.5, 1 / 127.5, 1 / 127.5), (-1, -1, -1))
        case .imageNet:
            let (r, g, b): (Float, Float, Float) = (0.229, 0.224, 0.225)
            return (
                (1 / (255 * r), 1 / (255 * g), 1 / (255 * b)), (-0.485 / r, -0.456 / g, -0.406 / b)
            )
        }
    }
}
