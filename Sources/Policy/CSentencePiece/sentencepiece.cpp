#include "CSentencePiece.h"

#include <sentencepiece_processor.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <vector>

struct octo_sentencepiece {
    sentencepiece::SentencePieceProcessor processor;
};

octo_sentencepiece *octo_sentencepiece_load(
    const void *bytes, size_t count, char *problem, size_t problem_size) {
    try {
        auto model = std::make_unique<octo_sentencepiece>();
        const auto status =
            model->processor.LoadFromSerializedProto({static_cast<const char *>(bytes), count});
        if (status.ok()) return model.release();
        snprintf(problem, problem_size, "%s", status.ToString().c_str());
    } catch (const std::exception &error) {
        snprintf(problem, problem_size, "%s", error.what());
    } catch (...) {
        snprintf(problem, problem_size, "an exception without a text");
    }
    return nullptr;
}

void octo_sentencepiece_free(octo_sentencepiece *model) { delete model; }

int32_t octo_sentencepiece_piece_count(const octo_sentencepiece *model) {
    try { return model->processor.GetPieceSize(); } catch (...) { return 0; }
}
int32_t octo_sentencepiece_pad_id(const octo_sentencepiece *model) {
    try { return model->processor.pad_id(); } catch (...) { return -1; }
}
int32_t octo_sentencepiece_eos_id(const octo_sentencepiece *model) {
    try { return model->processor.eos_id(); } catch (...) { return -1; }
}
int32_t octo_sentencepiece_unk_id(const octo_sentencepiece *model) {
    try { return model->processor.unk_id(); } catch (...) { return -1; }
}

ptrdiff_t octo_sentencepiece_encode(
    const octo_sentencepiece *model, const char *text, size_t count, int32_t **ids) {
    *ids = nullptr;
    try {
        std::vector<int> found;
        if (!model->processor.Encode({text, count}, &found).ok()) return -1;
        if (found.empty()) return 0;
        *ids = static_cast<int32_t *>(malloc(found.size() * sizeof(int32_t)));
        if (*ids == nullptr) return -1;
        for (size_t i = 0; i < found.size(); i++) (*ids)[i] = found[i];
        return static_cast<ptrdiff_t>(found.size());
    } catch (...) {
        return -1;
    }
}
