# Built from the project's root: docker build -f deploy/images/gateway.Dockerfile -t kindred-gateway .
FROM node:24-bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# The build calls buf, prisma, swc and others by their names.
ENV PATH=$PATH:/src/node_modules/.bin
COPY package.json package-lock.json ./
RUN npm install --no-audit --no-fund
COPY . .
RUN node --disable-warning=ExperimentalWarning scripts/build/main.ts --services && npm prune --omit=dev --no-audit --no-fund

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/dist dist
COPY --from=build /src/apps/gateway/schema apps/gateway/schema
COPY --from=build /src/apps/admin/dist apps/admin/dist
USER 10001
EXPOSE 8080
CMD ["node", "--enable-source-maps", "--max-semi-space-size=64", "--no-allocation-site-pretenuring", "--heap-growing-percent=200", "dist/apps/gateway/src/main.js"]
