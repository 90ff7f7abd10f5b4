// The aggregate posterior of diagonal Gaussians, forward and backward, as fast as these loops go:
// what no chain of tensor operations reaches, since every pair stays in registers and cache.
#include <cmath>
#include <vector>

extern "C" void aggregate(long M, long D, const float *z, const float *loc, const float *scale,
                          float log_w, float by_joint, float by_marginal, float *value, float *grad) {
    // images innermost: z, loc and scale of shape (D, M); grad (3, D, M); value (1 + D)
    const long N = M * D;
    std::vector<float> inverse(N), constant(N);
    for (long k = 0; k < N; ++k) {
        inverse[k] = 1 / scale[k];
        constant[k] = -std::log(scale[k]) - 0.918938533f + log_w;
    }
#pragma omp parallel
    {
        std::vector<float> u(N), share(N), joint(M), own(3 * N, 0.f), sums(1 + D, 0.f);
#pragma omp for schedule(static)
        for (long i = 0; i < M; ++i) {
            for (long j = 0; j < M; ++j) joint[j] = (1 - D) * log_w;
            for (long d = 0; d < D; ++d) {
                float *ud = &u[d * M], *sd = &share[d * M];
                const float zi = z[d * M + i], *m = loc + d * M, *s = &inverse[d * M], *c = &constant[d * M];
                float top = -INFINITY, total = 0;
#pragma omp simd reduction(max : top)
                for (long j = 0; j < M; ++j) {
                    ud[j] = (zi - m[j]) * s[j];
                    sd[j] = c[j] - 0.5f * ud[j] * ud[j];
                    joint[j] += sd[j];
                    top = top > sd[j] ? top : sd[j];
                }
#pragma omp simd reduction(+ : total)
                for (long j = 0; j < M; ++j) total += sd[j] = expf(sd[j] - top);
                sums[1 + d] += top + std::log(total);
                const float a = by_marginal / total;
                for (long j = 0; j < M; ++j) sd[j] *= a;
            }
            float top = -INFINITY, total = 0;
#pragma omp simd reduction(max : top)
            for (long j = 0; j < M; ++j) top = top > joint[j] ? top : joint[j];
#pragma omp simd reduction(+ : total)
            for (long j = 0; j < M; ++j) total += joint[j] = expf(joint[j] - top);
            sums[0] += top + std::log(total);
            const float a = by_joint / total;
            for (long d = 0; d < D; ++d) {
                const float *ud = &u[d * M], *sd = &share[d * M], *s = &inverse[d * M];
                float *by_loc = &own[N + d * M], *by_scale = &own[2 * N + d * M], by_z = 0;
#pragma omp simd reduction(+ : by_z)
                for (long j = 0; j < M; ++j) {
                    const float w = a * joint[j] + sd[j], slope = w * ud[j] * s[j];
                    by_z -= slope;
                    by_loc[j] += slope;
                    by_scale[j] += slope * ud[j] - w * s[j];
                }
                own[d * M + i] += by_z;
            }
        }
#pragma omp critical
        {
            for (long k = 0; k < 3 * N; ++k) grad[k] += own[k];
            for (long k = 0; k < 1 + D; ++k) value[k] += sums[k];
        }
    }
}
