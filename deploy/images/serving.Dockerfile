# Built from the project's root: docker build -f deploy/images/serving.Dockerfile -t kindred-serving .
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
USER 10001
EXPOSE 8080 9090
CMD ["node", "--enable-source-maps", "--max-semi-space-size=8", "--no-allocation-site-pretenuring", "--heap-growing-percent=200", "dist/apps/serving/src/main.js"]
