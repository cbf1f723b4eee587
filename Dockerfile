FROM python:3.11-slim
WORKDIR /site
# PyTorch brings several GB for GPUs; its site names an index of builds for the processor alone
ARG PIP_EXTRA_INDEX_URL
COPY requirements.txt requirements.lock ./
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock \
    && pip install --no-cache-dir -r requirements.txt
COPY . .
RUN useradd --system site && install -d -o site instance
USER site
ENV FER_HOST=0.0.0.0
VOLUME /site/instance
EXPOSE 5000
ENTRYPOINT ["python", "main.py"]
